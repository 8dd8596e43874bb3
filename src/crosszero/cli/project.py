"""The command that carries labels to a translation."""

from __future__ import annotations

import json
import logging
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from crosszero.cli.flags import Flat, Out, Raw, Reading, Text, name_place
from crosszero.projection.formats import LabelFormat
from crosszero.projection.rules import Broken
from crosszero.projection.tags import UNLINKED

_log = logging.getLogger("crosszero")


def project(
    source: Text,
    target: Text,
    /,
    *,
    out: Out = Path("-"),
    links: Path | None = None,
    base: Literal[0, 1] | None = None,
    format: LabelFormat | None = None,  # noqa: A002  (name of the flag)
    raw: Raw = None,
    column: int | None = None,
    unlinked: str = UNLINKED,
    min_score: float | None = None,
    gap: int = 1,
    broken: Broken | None = None,
    coverage: float = 0.0,
    copies: Annotated[bool, Parameter(negative="--no-copies")] = True,
    report: Path | None = None,
    languages: list[str] | None = None,
    layer: int | None = None,
    reading: Annotated[Reading, Flat] = Reading(),  # noqa: B008
) -> None:
    """Carry the labels of a text to its translation.

    Example: crosszero project news.en.conll news.fr --out news.fr.conll --report lost.jsonl

    Parameters
    ----------
    source
        The text with labels, plain or .gz: CoNLL (parts of speech; names as BIO, BIOES, BILOU or
        IO), JSONL with "text" and "spans", or lines with inline tags of XML or HTML.
    target
        The translation, a line for each text: beside CoNLL with spaces between its words (or CoNLL
        itself, by the end of its name), else plain text.
    out
        The translation with labels, in the format of the source. By default standard output.
    links
        Take the links from this file, a line for each text: Pharaoh or the JSONL of crosszero
        align. By default the encoder makes them; its flags and --languages work only then.
    base
        0 or 1, what these links count from in Pharaoh format; by default 0.
    format
        conll, spans or markup; by default told by the first line of the source.
    raw
        The translation is plain text, in which words must be found. By default so; but for conll
        words are separated by spaces, except where a script has none and the text has none.
    column
        Column of the tag in CoNLL, from 1; by default the last one (of Universal Dependencies the
        part of speech).
    unlinked
        Tag of a word without link, where tags are parts of speech.
    min_score
        Links with a lower score count as none, 0 to 1. By default 0.2 for tags of words, to which
        an unsure link is better than none, and 0.5 for labels over words.
    gap
        Unlinked words that may stand within a label.
    broken
        A label whose words stand apart becomes its longest piece, all from its first to its last
        word (join), a label for each piece (split), or nothing (drop). By default longest, of
        markup join.
    coverage
        Share of the words of a label that must have a link, 0 to 1.
    copies
        Put a label without links where its words stand in the translation as they are.
    report
        A JSONL file: each label that was not carried over, and why.
    languages
        Of source and target: --languages en fr; they help to find words in plain text.
    layer
        Hidden layer by which words are linked, from 1. By default what the encoder's folder says.
    """
    from crosszero.bitext.languages import check_pair
    from crosszero.errors import ConfigError, count_things
    from crosszero.files import atomic_file, check_inputs, check_output
    from crosszero.projection.formats import make_format, tell_format
    from crosszero.projection.linking import attach_links, make_links
    from crosszero.projection.rules import REASONS, TAG_SCORE, Rules
    from crosszero.projection.translation import project_file

    inputs = [source, target, *([links] if links else [])]
    check_inputs(*inputs)
    inputs += reading.folder
    check_output(out, inputs=inputs)
    if report is not None:
        check_output(report, flag="--report", inputs=inputs, outputs={"--out": out})
    codes = check_pair(languages) if languages is not None else ("", "")
    if links is not None:
        why = "no words are linked where --links is given; leave out --links, or everything that "
        reading.refuse(f"{why}tells how to link", layer=layer, languages=languages)
    elif base is not None:
        raise ConfigError("--base: says what given links count from; give --links, or leave it out")
    if str(source) == "-" and format is None:
        raise ConfigError("the format can't be read off standard input: give --format")
    kind = format or tell_format(source)
    rules = Rules(
        min_score=min_score,
        gap=gap,
        broken=broken or ("join" if kind == "markup" else "longest"),
        coverage=coverage,
        copies=copies,
    )
    way = make_format(kind, rules, column=column, unlinked=unlinked)
    linker = None
    if links is not None:
        link = partial(attach_links, path=links, base=base)
    else:
        from crosszero.align.linker import WordLinker
        from crosszero.align.methods import LinkConfig

        linker = WordLinker(reading.load(layer=layer), LinkConfig(threshold=rules.least(TAG_SCORE)))
        link = partial(make_links, linker=linker, languages=codes)
    plain = True if raw is None and kind != "conll" else raw
    reasons: Counter[str] = Counter()
    placed = 0
    with ExitStack() as stack:
        file = stack.enter_context(atomic_file(out))
        told = stack.enter_context(atomic_file(report)) if report is not None else None
        for labelled, found in project_file(source, target, way, link, raw=plain):
            file.writelines(f"{line}\n" for line in found.lines)
            placed += found.placed
            reasons.update(lost.reason for lost in found.lost)
            if told is not None:
                for lost in found.lost:
                    row = {"line": labelled.line, **lost._asdict(), "why": REASONS[lost.reason]}
                    told.write(json.dumps(row, ensure_ascii=False) + "\n")
    if linker is not None:
        linker.warn()
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
    _log.info(
        "%s%s carried over, %s dropped%s",
        name_place(out),
        count_things(placed, "label", "labels"),
        f"{reasons.total():,}",
        f": {dropped}" if dropped else "",
    )
