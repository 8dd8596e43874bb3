"""The server: right answers, short refusals, and nothing that brings it down."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx2")

from starlette.testclient import TestClient  # noqa: E402

from crosszero.align.link_writer import make_row  # noqa: E402
from crosszero.align.spans import CutText, Span  # noqa: E402
from crosszero.errors import ConfigError  # noqa: E402
from crosszero.model.encoder import Encoder  # noqa: E402
from crosszero.projection.rules import REASONS  # noqa: E402
from crosszero.viewer.limits import Limits  # noqa: E402
from crosszero.viewer.messages import MAX_CHARS, MAX_TEXTS  # noqa: E402
from crosszero.viewer.server import EXAMPLES, listen, make_app  # noqa: E402
from crosszero.viewer.service import Service, encode_lines  # noqa: E402

LINES = [
    "the weather is good",
    "the cat sees the dog",
    "the king",
    "the cat sees the dog",
    "le roi",
]
SECRET = "roi très secret"


@pytest.fixture(scope="module")
def encoder(model_folder: Callable[..., Path]) -> Encoder:
    return Encoder.load(model_folder())


@pytest.fixture(scope="module")
def service(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = tmp_path_factory.mktemp("texts") / "texts.en"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    made = Service(encoder, name="small", sentences=encode_lines(encoder, path))
    yield made
    made.close()


@pytest.fixture
def client(service: Service) -> TestClient:
    return TestClient(make_app(service))


def test_links_are_those_of_the_encoder(client: TestClient, encoder: Encoder) -> None:
    texts = [("the cat sees", "le chat voit"), ("the king", "le roi"), ("", "le")]
    source, target = map(list, zip(*texts, strict=True))
    answer = client.post("/api/align", json={"source": source, "target": target})
    assert answer.status_code == 200
    for row, (one, two) in zip(answer.json()["pairs"], texts, strict=True):
        sides = [
            CutText(text, [Span(*m.span()) for m in re.finditer(r"\w+", text)])
            for text in (one, two)
        ]
        assert row == json.loads(json.dumps(make_row(*sides, []))) | {"links": row["links"]}
        found = [
            (sides[0].spans[i], sides[1].spans[j], pytest.approx(score, abs=1e-3))
            for i, j, score in row["links"]
        ]
        assert found == [tuple(pair) for pair in encoder.align(one, two)]
    alone = client.post("/api/align", json={"source": texts[0][0], "target": texts[0][1]}).json()
    assert alone["pairs"][0]["source"] == texts[0][0]


def test_languages_say_what_an_apostrophe_does(client: TestClient) -> None:
    question = {"source": "l'homme", "target": "homme", "languages": ["fr", "fr"]}
    words = client.post("/api/align", json=question).json()["pairs"][0]["source_words"]
    assert [word for word, *_ in words] == ["l'", "homme"]


def test_labels_are_carried_over(client: TestClient) -> None:
    text = "the king sees"
    labels = [{"start": 4, "end": 8, "name": "PER"}, {"start": 8, "end": 9, "name": "GAP"}]
    question = {"source": text, "target": text, "labels": labels}
    answer = client.post("/api/project", json=question).json()
    assert answer["labels"] == [{"number": 0, **labels[0]}]
    assert answer["dropped"] == [{"number": 1, "reason": REASONS["no word"]}]
    for start, end in ((3, 3), (5, 4), (0, 14), ("0", 3), (0, 3.0), (False, True)):
        question["labels"] = [{"start": start, "end": end, "name": "PER"}]
        refused = client.post("/api/project", json=question)
        assert (refused.status_code, refused.json().keys()) == (422, {"error"})


def test_similarity_is_the_cosine(client: TestClient, encoder: Encoder) -> None:
    question = {"source": ["the king", "a"], "target": ["le roi", "a"]}
    found = client.post("/api/similarity", json=question).json()["similarity"]
    one, two = encoder.encode(question["source"]), encoder.encode(question["target"])
    assert found == pytest.approx((one * two).sum(axis=1).tolist(), abs=1e-5)
    assert found[1] == 1.0
    many = list("abcdefghijklm")
    found = client.post("/api/similarity", json={"source": many, "target": many}).json()
    assert found["similarity"] == [1.0] * len(many)


def test_nearest_sentences_with_their_lines(client: TestClient) -> None:
    question = {"text": ["the cat sees the dog", "the king"], "count": 9}
    first, second = client.post("/api/nearest", json=question).json()["nearest"]
    assert (first[0]["line"], first[0]["text"]) == (2, "the cat sees the dog")
    assert (second[0]["line"], second[0]["similarity"]) == (3, 1.0)
    assert len(first) == len(set(LINES))
    cosines = [one["similarity"] for one in first]
    assert cosines == sorted(cosines, reverse=True)
    empty = client.post("/api/nearest", json={"text": ""})  # a vector of zeros is near to nothing
    assert empty.json() == {"nearest": [[]]}


def test_without_a_file_there_is_no_such_question(encoder: Encoder) -> None:
    client = TestClient(make_app(Service(encoder, name="small")))
    assert client.post("/api/nearest", json={"text": "a"}).status_code == 404
    assert "Nearest" not in client.get("/").text


def test_the_interface_is_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == set(EXAMPLES)
    page = client.get("/docs").text
    for path, example in EXAMPLES.items():
        assert path in page
        assert client.post(path, json=example).status_code == 200
    for text in (page, client.get("/").text):
        assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(""", text)
        assert "script-src 'sha256-" in html.unescape(text)


PAIR = {"source": "a", "target": "b"}


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({}, "source: Field required"),
        ([], "a JSON object is needed"),
        ({"source": "a"}, "target: Field required"),
        (PAIR | {"file": "/etc/passwd"}, "file: Extra inputs"),
        (PAIR | {"source": 7}, "source: Input should be a valid list"),
        (PAIR | {"source": None}, "source: Input should be a valid list"),
        (PAIR | {"source": []}, "source: List should have at least 1"),
        (PAIR | {"source": [["a"]]}, "source.0: Input should be a valid string"),
        (PAIR | {"source": ["a", "b"]}, "2 source texts against 1 target texts"),
        (PAIR | {"source": "a" * (MAX_CHARS + 1)}, f"at most {MAX_CHARS} characters"),
        (PAIR | {"source": ["a"] * (MAX_TEXTS + 1)}, f"at most {MAX_TEXTS} items"),
        (PAIR | {"source": "\ud800"}, "source.0: Input should be a valid string"),
        (PAIR | {"languages": ["en"]}, "languages"),
        (PAIR | {"languages": ["english", ""]}, "'english' is not a language code"),
        (PAIR | {"languages": ["e" * 99, "fr"]}, "languages.0: String should have at most 20"),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_line(
    client: TestClient, question: Any, says: str
) -> None:
    body = json.dumps(question)
    answer = client.post("/api/align", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json().keys() == {"error"}
    assert says in answer.json()["error"]
    assert len(answer.content) < 500


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422), (b"{", 422), (b"\xff", 400), (b"nan", 422), (b"[" * 100_000, 400),
        (b'{"source": ' + b"9" * 9_000 + b"}", 400), (b" " * 300_000, 413),
        (json.dumps(PAIR | {"a" * 9_000: 1}).encode(), 422),
    ],
    ids=["empty", "half", "latin-1", "nan", "deep", "number", "large", "name"],
)  # fmt: skip
def test_malformed_requests(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/api/align", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert len(answer.content) < 500


def test_other_paths_and_methods(client: TestClient) -> None:
    for answer, status in (
        (client.get("/api/align"), 405),
        (client.post("/"), 405),
        (client.get("/../../etc/passwd"), 404),
        (client.get("/docs/oauth2-redirect"), 404),
        (client.post("/api/align", content=json.dumps(PAIR)), 422),
    ):
        assert (answer.status_code, answer.json().keys()) == (status, {"error"})


def test_a_body_without_a_length_is_cut_off(client: TestClient) -> None:
    pieces = (b" " * 65_536 for _ in range(100))
    assert client.post("/api/align", content=pieces).status_code == 413


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "127.0.0.2", "LOCALHOST"])
def test_a_name_of_the_web_is_not_ours(service: Service, host: str) -> None:
    with listen(host, 0) as listener:
        app = make_app(service, host=host, address=listener.getsockname()[0])
    client = TestClient(app)
    for own in (host, f"{host}:8000", "localhost:8000", "Localhost", "127.0.0.1", "[::1]:8000"):
        assert client.get("/", headers={"Host": own}).status_code == 200
    for other in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "[::1", ""):
        answer = client.get("/", headers={"Host": other})
        assert answer.status_code == 400
        assert "only names of this machine" in answer.json()["error"]
        assert answer.headers["x-frame-options"] == "DENY"
    everywhere = TestClient(make_app(service, host="0.0.0.0", address="0.0.0.0"))
    assert everywhere.get("/", headers={"Host": "our.example"}).status_code == 200


def test_what_takes_too_long_is_given_up(encoder: Encoder) -> None:
    service = Service(encoder, name="small")
    app = make_app(service, limits=Limits(seconds=1))  # in which a busy machine answers, too
    service._thread.submit(time.sleep, 2)
    with TestClient(app) as client:
        answer = client.post("/api/similarity", json=PAIR)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        time.sleep(2)
        assert client.post("/api/similarity", json=PAIR).status_code == 200


def test_a_fault_is_told_without_the_text(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(encoder, name="small")

    def fail(texts: list[str]) -> Any:
        raise RuntimeError(f"broken by {texts}")

    monkeypatch.setattr(service._vectors, "_work", fail)
    with caplog.at_level(logging.DEBUG):
        client = TestClient(make_app(service))
        answer = client.post("/api/similarity", json={"source": SECRET, "target": SECRET})
        client.post("/api/align", json={"source": SECRET, "target": SECRET})
        client.post("/api/align", json={"source": SECRET, "target": [SECRET] * 101})
    assert answer.status_code == 500
    assert SECRET not in answer.text + caplog.text
    assert "RuntimeError in" in caplog.text


@pytest.mark.parametrize("waiting", [40, 2000])
def test_a_thousand_at_once(service: Service, waiting: int) -> None:
    """All are answered, malformed ones among them, and no more wait than may."""
    app = make_app(service, limits=Limits(waiting=waiting))
    bad = [b"{", b"[" * 50_000, b" " * 300_000, json.dumps({"source": "a"}).encode()]
    good = [
        ("/api/align", {"source": "the cat sees", "target": "le chat voit"}),
        ("/api/similarity", {"source": "the king", "target": "le roi"}),
        ("/api/nearest", {"text": "the dog"}),
    ]
    batches: list[int] = []
    work = service._links._work

    def count(pairs: Any) -> Any:
        batches.append(len(pairs))
        return work(pairs)

    async def ask() -> list[tuple[int, bytes]]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

            async def one(number: int) -> tuple[int, bytes]:
                path, question = good[number % 3]
                body = bad[number // 4 % 4] if number % 4 == 3 else json.dumps(question).encode()
                headers = {"Content-Type": "application/json"}
                answer = await client.post(path, content=body, headers=headers)
                return answer.status_code, answer.content

            return await asyncio.gather(*map(one, range(1000)))

    service._links._work = count
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        answers = asyncio.run(ask())
    finally:
        service._links._work = work
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 * 1024  # kB; the requests themselves have 80 MB
    statuses = [status for status, _ in answers]
    assert len(answers) == 1000
    assert set(statuses) <= {200, 400, 413, 422, 503}
    assert all(json.loads(content).keys() == {"error"} for s, content in answers if s != 200)
    assert (503 in statuses) == (waiting < 1000)
    assert 0 < statuses.count(200) <= 750
    if waiting > 1000:
        assert statuses.count(200) == 750
        assert max(batches) > 10  # encoded together
        assert sum(batches) == 250


def test_a_place_that_can_not_be_had() -> None:
    told = r"\(Address already in use\); choose another"
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigError, match=told):
        listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(ConfigError, match=r"no\.such\.host"):
        listen("no.such.host", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told(model_folder: Callable[..., Path], number: signal.Signals) -> None:
    command = [sys.executable, "-m", "crosszero", "serve", "--encoder", str(model_folder())]
    with subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "answers" in line)
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address is not None
        answer = httpx.post(f"{address[0]}/api/similarity", json={"source": SECRET, "target": "b"})
        assert answer.status_code == 200
        os.kill(process.pid, number)
        rest = process.stderr.read()
        assert process.wait(timeout=20) == 0
    assert "Traceback" not in rest
    assert SECRET not in rest


def test_the_limits_are_those_of_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "guides" / "view.md").read_text(encoding="utf-8")
    limits = Limits()
    for told in (
        f"{MAX_CHARS:,} characters",
        f"{MAX_TEXTS} texts",
        f"{limits.body // 1024} KiB",
        f"{limits.seconds:g} seconds",
        f"{limits.waiting} requests",
    ):
        assert told in " ".join(manual.split())
    for path in EXAMPLES:
        assert f"`POST {path}`" in manual
