"""The command that scores the pairs of a bitext."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from crosszero.cli.flags import (
    ALIGNED,
    EncoderName,
    Layer,
    MaxLength,
    Out,
    ReadIn,
    SentencePooling,
    Strict,
    Text,
    name_place,
)
from crosszero.search.bitext_scores import BLOCK, PairScoreName

_log = logging.getLogger("crosszero")


def score(
    source: Text,
    target: Text | None = None,
    /,
    *,
    encoder: EncoderName = ALIGNED,
    out: Out = Path("-"),
    by: Annotated[list[PairScoreName] | None, Parameter(consume_multiple=True)] = None,
    keep: float | None = None,
    k: int = 4,
    block: int = BLOCK,
    pooling: SentencePooling = None,
    layer: Layer = None,
    max_length: MaxLength = None,
    precision: ReadIn = "auto",
    strict: Strict = False,
) -> None:
    """Score each pair of a bitext: how likely it is a translation.

    Example: crosszero score corpus.en corpus.fr --keep 0.5 --out clean.tsv

    Parameters
    ----------
    source
        One text a line, plain or .gz; - is standard input. Or both sides in one file: TSV, lines
        'source ||| target', or JSONL with "source" and "target".
    target
        Its translation on the same line.
    out
        TSV in the order of the pairs: scores, source, target. By default standard output.
    by
        cosine, ratio or distance, or several: --by ratio cosine. Ratio and distance hold the cosine
        against that of the neighbours among the pairs around. By default cosine.
    keep
        Write only pairs whose first score reaches this.
    k
        Neighbours that ratio and distance look at.
    block
        Pairs that are read at a time, and among which neighbours are looked for.
    """
    from crosszero.align.text_pairs import read_pairs
    from crosszero.bitext.lines import count_empty
    from crosszero.files import atomic_file, check_output
    from crosszero.model.encoder import Encoder
    from crosszero.search.bitext_scores import score_bitext

    files = [source, *([target] if target else [])]
    check_output(out, inputs=files)
    model = Encoder.load(
        encoder, pooling=pooling, layer=layer, max_length=max_length, precision=precision
    )
    spelt = ((_spell(pair.source), _spell(pair.target)) for pair in read_pairs(*files))
    pairs = count_empty(spelt, list, files, strict=strict, outcome="scores of 0")
    count = kept = 0
    with atomic_file(out) as file:
        for texts, found in score_bitext(model, pairs, by or ["cosine"], k=k, block=block):
            count += 1
            if keep is None or found[0] >= keep:
                kept += 1
                cells = [
                    *(f"{value:.6f}" for value in found),
                    *(t.replace("\t", " ") for t in texts),
                ]
                file.write("\t".join(cells) + "\n")
    _log.info("%s%s of %s pairs", name_place(out), f"{kept:,}", f"{count:,}")


def _spell(text: str | list[str]) -> str:
    return text if isinstance(text, str) else " ".join(text)
