"""The command that scores the pairs of a bitext."""

from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path
from typing import Annotated

from crosszero.cli.flags import Flat, Out, SentenceReading, Strict, Text, name_place
from crosszero.errors import ConfigError
from crosszero.search.bitext_scores import BLOCK, PairScoreName
from crosszero.search.mined_pairs import reaches, spell_score

_ROWS = 1024  # pairs between two writes
_log = logging.getLogger("crosszero")


def score(
    source: Text,
    target: Text | None = None,
    /,
    *,
    out: Out = Path("-"),
    by: list[PairScoreName] | None = None,
    keep: float | None = None,
    k: int | None = None,
    block: int = BLOCK,
    strict: Strict = False,
    reading: Annotated[SentenceReading, Flat] = SentenceReading(),  # noqa: B008
) -> None:
    """Score each pair of a bitext: how likely it is a translation.

    Example: crosszero score corpus.en corpus.fr --keep 0.8 --out clean.tsv

    Parameters
    ----------
    source
        One text a line, plain or .gz; - is standard input. Or both sides in one file: TSV, lines
        'source ||| target', or JSONL with "source" and "target".
    target
        Its translation on the same line.
    out
        TSV in the order of the pairs: scores, source, target. If an earlier run was stopped, its
        file is continued. By default standard output.
    by
        cosine, ratio or distance, or several: --by ratio cosine. Ratio and distance hold the cosine
        against that of the neighbours among the pairs around. By default cosine.
    keep
        Write only pairs whose first score, as it is written, reaches this.
    k
        Neighbours that ratio and distance look at, by default 4.
    block
        Pairs that are read at a time, and among which neighbours are looked for: more than K.
    """
    from crosszero.align.text_pairs import ONE_FILE, check_lengths, read_pairs
    from crosszero.bitext.lines import count_empty
    from crosszero.continuation import open_lines
    from crosszero.files import check_inputs, check_output, hash_files, make_key
    from crosszero.model.hashing import hash_encoder
    from crosszero.search.bitext_scores import check_scores, score_bitext

    names: list[PairScoreName] = list(dict.fromkeys(by or ["cosine"]))
    files = [source, *([target] if target else [])]
    check_inputs(*files, advice=ONE_FILE)
    check_output(out, inputs=[*files, *reading.folder])
    near = 4 if k is None else k
    check_scores(names, near, block)
    if k is not None and names == ["cosine"]:
        raise ConfigError(
            f"--k {k}: the cosine looks at no neighbours; leave it out, or give --by ratio or "
            "--by distance"
        )
    check_lengths(*files)
    model = reading.load()
    key = None
    if all(path.is_file() for path in files):  # what can't be read again can't be hashed first
        read = [hash_encoder(reading.encoder), model.pooling, reading.layer, reading.max_length]
        read.append(model.precision)
        way = [names, keep, near, block]
        key = make_key({"encoder": read, "way": way, "texts": hash_files(*files)})
    spelt = ((_spell(pair.source), _spell(pair.target)) for pair in read_pairs(*files))
    pairs = count_empty(spelt, list, files, strict=strict, outcome="scores of 0")
    with open_lines(out, key) as lines:
        if lines.done:
            _log.info(
                "%s%s pairs are scored from an earlier run", name_place(out), f"{lines.done:,}"
            )
        scored = score_bitext(model, pairs, names, k=near, block=block, done=lines.done)
        while rows := list(islice(scored, _ROWS)):
            lines.write(
                [
                    _join(texts, found) if keep is None or reaches(found[0], keep) else None
                    for texts, found in rows
                ]
            )
    _log.info("%s%s of %s pairs", name_place(out), f"{lines.kept:,}", f"{lines.count:,}")


def _join(texts: tuple[str, str], scores: list[float]) -> str:
    """Write a row of TSV; a tab in a text, or a line feed as JSONL can have, becomes a space."""
    cells = (text.replace("\t", " ").replace("\n", " ") for text in texts)
    return "\t".join([*(spell_score(value) for value in scores), *cells])


def _spell(text: str | list[str]) -> str:
    return text if isinstance(text, str) else " ".join(text)
