"""The commands that put an encoder to use: mine, encode."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from crosszero.cli.flags import Flat, Out, Ray, SentenceReading, Strict, Text, name_place
from crosszero.errors import ConfigError, count_things
from crosszero.search.margin import Margin
from crosszero.search.vector_mining import Retrieval

_log = logging.getLogger("crosszero")


def mine(
    source: Text,
    target: Text,
    /,
    *,
    out: Out = Path("-"),
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    threshold: float | Literal["auto"] | None = None,
    approximate: Annotated[bool, Parameter(negative="")] = False,
    strict: Strict = False,
    reading: Annotated[SentenceReading, Flat] = SentenceReading(),  # noqa: B008
    ray: Annotated[Ray, Flat] = Ray(),  # noqa: B008
) -> None:
    """Find lines with the same meaning in two texts.

    Example: crosszero mine news.en news.fr --encoder runs/one --out pairs.tsv --threshold auto

    Parameters
    ----------
    source
        One text per line, in any order, plain or .gz; - is standard input. Lines without text are
        left out, and counted.
    target
        The same in the other language.
    out
        TSV: score, source, target; best first. 'crosszero prepare' reads it with --columns 1 2. If
        an earlier run was stopped, its vectors are used. By default standard output.
    k
        Neighbours of each line: its candidates, and what the margin takes into account (LASER:
        --neighborhood).
    margin
        Score of a pair: its cosine compared with that of its neighbours, as ratio or distance, or
        the cosine itself (absolute).
    retrieval
        Which pairs, as in LASER: max, the best of each line, no line twice; intersect, only those
        that are each other's best; fwd or bwd, the best of each source or target line; or all
        candidates.
    threshold
        Leave out pairs with a lower score. auto estimates where right pairs begin, from the scores
        alone, and says how many of the pairs are likely to be right.
    approximate
        For millions of lines: look for neighbours in the nearest cells of an index alone (faiss,
        extra approximate). Says which share of them is found.
    """
    from crosszero.bitext.lines import require_texts
    from crosszero.files import check_inputs, check_output, is_stream
    from crosszero.search.mined_pairs import write_pairs
    from crosszero.search.mining import check_threshold, choose_threshold
    from crosszero.search.vector_mining import check_settings

    check_inputs(source, target)
    check_output(out, inputs=[source, target, *reading.folder])
    check_settings(k, margin, retrieval)
    check_threshold(threshold, margin, retrieval, k)
    if approximate and ray.ray_address is not None:
        raise ConfigError("--approximate: works on one machine; leave out --ray-address")
    if approximate:
        from crosszero.search.approximate import import_faiss

        import_faiss()  # told before anything is loaded
    left, right = (
        [text for text in require_texts(path, strict=strict, outcome="left out") if text]
        for path in (source, target)
    )
    which: dict[str, Any] = {"k": k, "margin": margin, "retrieval": retrieval}
    if ray.ray_address is None:
        from crosszero.experiment.cache import CachedEncoder, keep_until_done
        from crosszero.model.hashing import hash_encoder
        from crosszero.search.mining import SentenceEncoder, mine_texts

        model = reading.load()
        with ExitStack() as stack:
            found: SentenceEncoder = model
            if not is_stream(out):
                folder = stack.enter_context(keep_until_done(out))
                if folder.exists():
                    _log.info("%s: uses the vectors of a run that was stopped", out)
                found = CachedEncoder(model, hash_encoder(reading.encoder), folder)
            pairs = mine_texts(found, left, right, **which, approximate=approximate)
            count = write_pairs(
                out, pairs, left, right, threshold=choose_threshold(pairs, threshold)
            )
    else:
        from crosszero.cluster import mine_texts as mine_on_cluster

        with ray.open() as cluster:
            pairs = mine_on_cluster(
                reading.encoder, left, right, folder=out.resolve().parent, cluster=cluster, **which,
                **reading.list_options(common=True),
            )  # fmt: skip
        count = write_pairs(out, pairs, left, right, threshold=choose_threshold(pairs, threshold))
    _log.info("%s%s", name_place(out), count_things(count, "pair", "pairs"))


def encode(
    texts: Text,
    /,
    *,
    out: Out,
    strict: Strict = False,
    reading: Annotated[SentenceReading, Flat] = SentenceReading(),  # noqa: B008
    ray: Annotated[Ray, Flat] = Ray(),  # noqa: B008
) -> None:
    """Write one vector per line of a text.

    Example: crosszero encode corpus.en --encoder runs/one --out en.npy

    Parameters
    ----------
    texts
        One text per line, plain or .gz; - is standard input.
    out
        An .npy file, which numpy.load reads: a unit vector for each line, float32, so that row n
        is line n + 1. A line without text is a row of zeros, and counted.
    """
    from crosszero.bitext.lines import require_texts
    from crosszero.files import check_output

    check_output(out, inputs=[texts, *reading.folder])
    lines = require_texts(texts, strict=strict, outcome="rows of zeros in their place")
    if ray.ray_address is None:
        from crosszero.model.vector_file import encode_to_file

        known = list(lines)  # all of them, so that a bad one is told at once
        encode_to_file(reading.load(), known, out)
    else:
        from crosszero.cluster import encode_texts

        options = reading.list_options(common=True)
        with ray.open() as cluster:
            encode_texts(reading.encoder, lines, out, cluster=cluster, **options)
    _log.info("%sdone; numpy.load reads it", name_place(out))
