"""The commands that show links: view makes a page of a file, serve answers in a browser."""

from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from crosszero.cli.flags import Flat, Out, SentenceReading, Text, name_place
from crosszero.config import require
from crosszero.errors import ConfigError, count_things

_log = logging.getLogger("crosszero")


def view(
    links: Text,
    source: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    target: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    out: Out,
    base: Literal[0, 1] | None = None,
    title: str | None = None,
    count: int = 10_000,
) -> None:
    """Make one HTML page that shows linked sentence pairs; it works offline.

    Examples: crosszero view links.jsonl --out page.html

    crosszero view en-de.links corpus.en corpus.de --out page.html

    Parameters
    ----------
    links
        What 'crosszero align --format jsonl' writes, plain or .gz; - is standard input. Or links
        i-j in Pharaoh format, of any tool, with the two texts.
    source
        For Pharaoh: the text on whose lines these links are, its words between spaces.
    target
        For Pharaoh: its translation.
    out
        The page, one file with nothing beside it.
    base
        For Pharaoh: 0 or 1, what the links count from; by default 0.
    title
        By default the name of the file.
    count
        Pairs on the page at most, from the start of the file.
    """
    from crosszero.align.linked_pairs import read_linked
    from crosszero.files import atomic_file, check_inputs, check_output
    from crosszero.viewer.pages import render_view

    if source is not None and target is None:
        raise ConfigError("links in Pharaoh format need both texts: give the translation, too")
    texts = [path for path in (source, target) if path is not None]
    if base is not None and not texts:
        raise ConfigError("--base: JSONL counts words from 0; leave it out")
    require("--count", count, count >= 1, "1 or more")
    check_inputs(links, *texts)
    check_output(out, inputs=[links, *texts])
    pairs = list(islice(read_linked(links, texts, base=base), count + 1))
    notes = []
    if len(pairs) > count:
        pairs.pop()
        notes = [f"The first {count:,} pairs of the file."]
        _log.warning("%s: has more pairs than --count; the first %s are shown", links, f"{count:,}")
    with atomic_file(out) as file:
        file.write(render_view(pairs, title=title or links.name, notes=notes))
    _log.info("%s%s", name_place(out), count_things(len(pairs), "pair", "pairs"))


def serve(
    *,
    texts: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    reading: Annotated[SentenceReading, Flat] = SentenceReading(),  # noqa: B008
) -> None:
    """Serve a page and a JSON interface: links, similarity, nearest sentences.

    Example: crosszero serve --texts corpus.en

    Needs the extra serve. Ends with SIGTERM or ^C, when what was asked by then is answered.

    Parameters
    ----------
    texts
        One sentence a line: among these the nearest are found.
    host
        Address to listen on. By default only this machine can ask; 0.0.0.0 lets everybody.
    port
        0 takes one that is free.
    """
    from crosszero.errors import MissingExtraError

    try:
        from crosszero.viewer.server import listen, make_app, run
    except ImportError as error:
        raise MissingExtraError(error.name or "fastapi", "serve", "the server") from error
    from crosszero.viewer.service import Service, encode_lines

    require("--port", port, 0 <= port <= 65535, "0 to 65535")
    with listen(host, port) as listener:
        model = reading.load()
        sentences = None if texts is None else encode_lines(model, texts)
        if sentences is not None:
            _log.info("%s: %s different sentences", texts, f"{len(sentences.texts):,}")
        service = Service(model, name=Path(reading.encoder).name, sentences=sentences)
        try:
            run(make_app(service, host=host, address=listener.getsockname()[0]), listener)
        finally:
            service.close()
