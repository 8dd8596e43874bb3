"""The page and the JSON interface of ``crosszero serve``.

Needs the extra ``serve``. Clients send texts, never paths; what they send is not logged.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException as StarletteError

from crosszero import __version__
from crosszero.errors import ConfigError
from crosszero.projection.rules import REASONS, Label
from crosszero.viewer.limits import Limiter, Limits, is_own_address
from crosszero.viewer.messages import (
    AlignAnswer,
    AlignRequest,
    LostMark,
    NearestAnswer,
    NearestRequest,
    PairRequest,
    PlacedMark,
    ProjectAnswer,
    ProjectRequest,
    Refusal,
    SimilarityAnswer,
)
from crosszero.viewer.pages import render
from crosszero.viewer.service import AskedPair, Service

_LONGEST = 300  # characters of a message
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": reason}
    for status, reason in {
        413: "The request is too large.",
        422: "The request can't be used.",
        503: "Too many requests, or it took too long.",
    }.items()
}
_log = logging.getLogger("crosszero")


def make_app(
    service: Service, *, limits: Limits | None = None, host: str = "", address: str = ""
) -> FastAPI:
    """Make the application.

    Args:
        service: what answers.
        limits: of requests.
        host: that the server was told to listen on.
        address: of it. On this machine's own address only `host` and the machine's own names are
            answered to, so that no page of the web can ask by a name of its own.

    Example:
        >>> service = Service(Encoder.load("crosszero-mini"), name="mini")      # doctest: +SKIP
        >>> TestClient(make_app(service)).get("/").status_code                  # doctest: +SKIP
        200
    """
    app = FastAPI(
        title="crosszero",
        version=__version__,
        summary="Word links, similarity and nearest sentences across languages.",
        docs_url=None,  # the usual page loads its scripts from the web
        redoc_url=None,
    )
    names = {host.lower(), "localhost"} if is_own_address(address) else None
    app.add_middleware(Limiter, limits=limits or Limits(), names=names)
    app.add_exception_handler(RequestValidationError, _refuse_request)
    app.add_exception_handler(StarletteError, _refuse_path)
    _add_questions(app, service)
    _add_pages(app, service)
    return app


def _add_questions(app: FastAPI, service: Service) -> None:
    @app.post("/api/align", responses=_REFUSALS)
    async def align(request: AlignRequest) -> AlignAnswer:
        """Link the words of texts to those of their translations."""
        rows = await service.align(_pair(request, request.languages))
        return AlignAnswer.model_validate({"pairs": rows})

    @app.post("/api/similarity", responses=_REFUSALS)
    async def similarity(request: PairRequest) -> SimilarityAnswer:
        """Give the cosine of each text and its translation, from -1 to 1."""
        return SimilarityAnswer(similarity=await service.compare(_pair(request)))

    @app.post("/api/project", responses=_REFUSALS)
    async def project(request: ProjectRequest) -> ProjectAnswer:
        """Carry labels of a text to its translation, through the links between their words."""
        size = len(request.source)
        if any(not label.start < label.end <= size for label in request.labels):
            raise HTTPException(422, f"labels: each lies within the text's {size} characters")
        pair = AskedPair(request.source, request.target, request.languages)
        given = [Label(label.start, label.end, label.name) for label in request.labels]
        placed, dropped = await service.project(pair, given)
        return ProjectAnswer(
            labels=[PlacedMark(number=n, start=a, end=b, name=name) for n, (a, b, name) in placed],
            dropped=[LostMark(number=n, reason=REASONS[reason]) for n, reason in dropped],
        )

    if service.sentences is not None:

        @app.post("/api/nearest", responses=_REFUSALS)
        async def nearest(request: NearestRequest) -> NearestAnswer:
            """Find the sentences of the server's file that are nearest to each text."""
            found = await service.find(request.text, request.count)
            names = ("line", "text", "similarity")
            rows = [[dict(zip(names, one, strict=True)) for one in row] for row in found]
            return NearestAnswer.model_validate({"nearest": rows})


def _pair(request: PairRequest, languages: tuple[str, str] = ("", "")) -> list[AskedPair]:
    sides = request.source, request.target
    if len(sides[0]) != len(sides[1]):
        raise HTTPException(
            422, f"{len(sides[0])} source texts against {len(sides[1])} target texts"
        )
    return [AskedPair(*texts, languages) for texts in zip(*sides, strict=True)]


def _add_pages(app: FastAPI, service: Service) -> None:
    count = 0 if service.sentences is None else len(service.sentences.texts)
    scripts = ("links.js", "list.js", "serve.js")
    page = render(
        "serve.html", scripts, remote=True, title="crosszero", name=service.name, count=count
    )

    @app.get("/", include_in_schema=False)
    async def show_page() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/docs", include_in_schema=False)
    async def show_interface() -> HTMLResponse:
        return HTMLResponse(describe(app.openapi()))


def describe(interface: dict[str, Any]) -> str:
    """Give the page that explains an OpenAPI description, without a script."""
    schemas = interface["components"]["schemas"]
    questions = []
    for path, methods in interface["paths"].items():
        asked = methods["post"]
        content = asked["requestBody"]["content"]["application/json"]["schema"]
        schema = schemas[content["$ref"].rpartition("/")[2]]
        answer = asked["responses"]["200"]["content"]["application/json"]["schema"]
        questions.append(
            {
                "path": path,
                "text": asked["description"],
                "fields": [
                    (name, name in schema.get("required", []), field.get("description", ""))
                    for name, field in schema["properties"].items()
                ],
                "answer": schemas[answer["$ref"].rpartition("/")[2]]["description"],
                "example": json.dumps(EXAMPLES[path]),
            }
        )
    return render("docs.html", (), title="crosszero: the JSON interface", questions=questions)


EXAMPLES: dict[str, dict[str, Any]] = {
    "/api/align": {"source": "The house is small.", "target": "La maison est petite."},
    "/api/similarity": {"source": ["Good morning."], "target": ["Bonjour."]},
    "/api/project": {
        "source": "The red house is small.",
        "target": "La maison rouge est petite.",
        "labels": [{"start": 8, "end": 13, "name": "THING"}],
    },
    "/api/nearest": {"text": "Good morning.", "count": 3},
}


async def _refuse_request(request: Request, error: Exception) -> JSONResponse:
    """Say what is wrong with a request, without its text."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] in ("json_invalid", "model_attributes_type"):
        return _refuse(422, "a JSON object is needed, sent with Content-Type: application/json")
    place = ".".join(map(str, first["loc"][1:]))
    return _refuse(422, f"{place}: {first['msg']}" if place else str(first["msg"]))


async def _refuse_path(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteError)
    return _refuse(error.status_code, str(error.detail))


def _refuse(status: int, reason: str) -> JSONResponse:
    printable = reason.encode("ascii", "backslashreplace").decode()
    return JSONResponse({"error": printable[:_LONGEST]}, status)


def listen(host: str, port: int) -> socket.socket:
    """Take the place that is to be served, before a model is loaded.

    Raises:
        ConfigError: it can't be had.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else error
        raise ConfigError(
            f"--host {host} --port {port}: can't be listened on ({reason}); choose another"
        ) from error


def run(app: FastAPI, listener: socket.socket) -> None:
    """Serve until SIGTERM or ^C; what has been asked by then is answered."""
    host, port, *_ = listener.getsockname()
    _log.info("http://%s:%d answers; ^C ends it", f"[{host}]" if ":" in host else host, port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=5, server_header=False
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # uvicorn raises it again when it has ended
    uvicorn.Server(config).run(sockets=[listener])
