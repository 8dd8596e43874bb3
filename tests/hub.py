"""A stand-in for the Hugging Face hub: repositories in memory, over HTTP on this machine alone.

It speaks as much of the hub's interface as huggingface_hub, transformers and datasets use. A
process that is to see it gets :attr:`StandIn.environment`, because the address is read when
huggingface_hub is imported.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "x" * 34
Files = dict[str, bytes]
_KIND = "(models|datasets)"


@dataclass
class StandIn:
    """The repositories, and how to reach them.

    Attributes:
        address: of the server.
        repositories: for ``models/user/name`` and ``datasets/user/name`` the files of each branch.
        private: repositories that were made private.
    """

    address: str = ""
    repositories: dict[str, dict[str, Files]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        """Environment of a process that takes this for the hub."""
        return os.environ | {
            "HF_ENDPOINT": self.address, "HF_HUB_OFFLINE": "0", "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        }  # fmt: skip

    def add(self, name: str, folder: Path, *, kind: str = "models", branch: str = "main") -> None:
        """Put a folder there as a branch of a model or data set."""
        files = {
            p.relative_to(folder).as_posix(): p.read_bytes()
            for p in folder.rglob("*")
            if p.is_file()
        }
        self.repositories.setdefault(f"{kind}/{name}", {})[branch] = files


@contextmanager
def serve_hub() -> Iterator[StandIn]:
    """Serve a hub without repositories while the context lasts."""
    hub = StandIn()

    class Handler(_Handler):
        stand_in = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path  # still quoted: a revision may hold slashes
        name = "([^/]+/[^/]+)"
        if found := re.fullmatch(rf"/api/{_KIND}/{name}(?:/revision/([^/]+))?", path):
            files = self._find(found[1], found[2], found[3] or "main")
            if files is not None:
                info = {"id": found[2], "sha": _commit(files), "tags": [], "private": False}
                info["siblings"] = [{"rfilename": name} for name in sorted(files)]
                self._answer(200, info)
        elif found := re.fullmatch(rf"/api/{_KIND}/{name}/tree/([^/]+)(?:/(.*))?", path):
            files = self._find(found[1], found[2], found[3])
            if files is not None:
                deep = "recursive=true" in urlsplit(self.path).query.lower()
                self._list(files, unquote(found[4] or ""), deep=deep)
        elif found := re.fullmatch(rf"/(datasets/)?{name}/resolve/([^/]+)/(.+)", path):
            files = self._find((found[1] or "models/")[:-1], found[2], found[3])
            name = unquote(found[4])
            if files is not None and name not in files:
                self._refuse(404, "EntryNotFound", "Entry not found")
            elif files is not None:
                self._send(files[name], files)
        else:
            self._refuse(404, "", "not here")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        if path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif found := re.fullmatch(rf"/api/{_KIND}/([^/]+/[^/]+)/paths-info/([^/]+)", path):
            files = self._find(*found.groups())
            if files is not None:
                asked = parse_qs(body.decode())["paths"]
                self._answer(200, [
                    {"type": "file", "path": name, "size": len(files[name]),
                     "oid": _hash(files[name])}
                    for name in asked if name in files
                ])  # fmt: skip
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse(401, "", "Invalid credentials")
        elif path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            self.stand_in.repositories.setdefault(f"models/{name}", {"main": {}})
            if asked.get("private") or asked.get("visibility") == "private":
                self.stand_in.private.add(name)
            self._answer(200, {"url": f"{self.stand_in.address}/{name}", "id": name, "name": name})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/branch/(.+)", path):
            branches = self.stand_in.repositories[f"models/{found[1]}"]
            branches.setdefault(unquote(found[2]), dict(branches["main"]))
            self._answer(200, {})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/(.+)", path):
            asked = json.loads(body)["files"]
            self._answer(200, {"files": [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                for one in asked
            ]})  # fmt: skip
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/(.+)", path):
            files = self.stand_in.repositories[f"models/{found[1]}"][unquote(found[2])]
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    value = line["value"]
                    files[value["path"]] = base64.b64decode(value["content"])
            commit = _commit(files)
            url = f"{self.stand_in.address}/{found[1]}/commit/{commit}"
            self._answer(200, {"success": True, "commitOid": commit, "commitUrl": url})
        else:
            self._refuse(404, "", "not here")

    def _find(self, kind: str, name: str, revision: str) -> Files | None:
        """Files of a branch or commit; answers itself if there are none."""
        branches = self.stand_in.repositories.get(f"{kind}/{name}")
        if branches is None:
            self._refuse(401, "RepoNotFound", "Repository not found")
            return None
        commits = {_commit(files): files for files in branches.values()}
        files = branches.get(unquote(revision), commits.get(revision))
        if files is None:
            self._refuse(404, "RevisionNotFound", "Invalid rev id")
        return files

    def _list(self, files: Files, folder: str, *, deep: bool) -> None:
        """Answer with the files below a folder; not `deep`, with those in it and its folders."""
        inside = f"{folder}/" if folder else ""
        entries: dict[str, dict[str, Any]] = {}
        for name, data in sorted(files.items()):
            first, *rest = name.removeprefix(inside).split("/")
            if not name.startswith(inside):
                continue
            if deep or not rest:
                entries[name] = {"type": "file", "size": len(data), "oid": _hash(data)}
            else:
                entries[inside + first] = {"type": "directory", "oid": _hash(first.encode())}
        if entries or not folder:
            self._answer(200, [{"path": path, **entry} for path, entry in entries.items()])
        else:
            self._refuse(404, "EntryNotFound", "Entry not found")

    def _answer(self, status: int, content: Any) -> None:
        self._write(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._write(status, b"", {"X-Error-Code": code, "X-Error-Message": message})

    def _send(self, data: bytes, files: Files) -> None:
        headers = {"ETag": f'"{_hash(data)}"', "X-Repo-Commit": _commit(files)}
        status, size = 200, len(data)
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
            status, data = 206, data[start : last + 1]
            headers["Content-Range"] = f"bytes {start}-{last}/{size}"
        self._write(status, data, headers)

    def _write(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _hash(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def _commit(files: Files) -> str:
    return _hash(json.dumps({name: _hash(data) for name, data in sorted(files.items())}).encode())
