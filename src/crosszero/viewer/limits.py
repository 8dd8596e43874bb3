"""What protects the server: a request may be only so large and take only so long, only so many may
wait, and on the machine's own address no other name is answered to. Whatever goes wrong is answered
in a line of JSON, and nothing of a text is logged."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_log = logging.getLogger("crosszero")
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a server takes.

    Attributes:
        body: bytes of a request.
        seconds: that a request may take, from its first byte to its answer.
        waiting: requests at the same time; one more is told to come again.
    """

    body: int = 256 * 1024
    seconds: float = 30.0
    waiting: int = 256


def is_own_address(host: str) -> bool:
    """Tell an address at which a machine reaches only itself.

    Example:
        >>> is_own_address("127.0.0.2"), is_own_address("localhost")
        (True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Limiter:
    """Middleware (ASGI) that keeps to the limits.

    Args:
        app: what answers.
        limits: of requests.
        names: of hosts that are answered to, beside the machine's own addresses; none: all.
    """

    def __init__(self, app: App, limits: Limits, names: Collection[str] | None = None) -> None:
        self._app, self._limits, self._names = app, limits, names
        self._running = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        if self._names is not None and not self._is_own(dict(scope["headers"]).get(b"host", b"")):
            await answer.refuse(400, "only names of this machine are answered to, as localhost is")
            return
        if self._running >= self._limits.waiting:
            await answer.refuse(503, "too many requests are waiting; try again")
            return
        self._running += 1
        try:
            async with asyncio.timeout(self._limits.seconds):
                body = await self._read(scope, receive)
                if body is None:
                    limit = f"{self._limits.body:,} bytes are allowed"
                    await answer.refuse(413, f"the request is too large: {limit}")
                else:
                    await self._app(scope, _replay(body, receive), answer.send)
        except TimeoutError:
            limit = f"{self._limits.seconds:g} seconds"
            await answer.refuse(503, f"not done within {limit}; send less at once, or try again")
        except Exception as error:  # its message may quote a text
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("%s in %s:%s", type(error).__name__, place.filename, place.lineno)
            await answer.refuse(500, "something went wrong here; the server's log says where")
        finally:
            self._running -= 1

    def _is_own(self, host: bytes) -> bool:
        """Tell whether a request's host, with its port, is one of those answered to."""
        try:
            name = urlsplit(f"//{host.decode('latin-1')}").hostname or ""
        except ValueError:  # a bracket that is not closed
            return False
        return name in (self._names or ()) or is_own_address(name)

    async def _read(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes | None:
        """Read the body; nothing if it is too large."""
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and (len(told) > 18 or int(told) > self._limits.body):
            return None
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._limits.body:
                return None
            if not message.get("more_body", False):
                return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that has been read, and then what comes."""
    waiting = [body]

    async def read() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return read


class _Answer:
    """An answer that may have begun when something goes wrong."""

    def __init__(self, send: Send) -> None:
        self._send, self._begun = send, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            message["headers"] = [*message.get("headers", []), *_HEADERS.items()]
        await self._send(message)

    async def refuse(self, status: int, reason: str) -> None:
        """Say why there is no other answer."""
        if self._begun:
            return
        body = json.dumps({"error": reason}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *([(b"retry-after", b"1")] if status == 503 else []),
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
