"""The commands that put an encoder to use: vectors, word alignment, pairs nobody has aligned."""

from __future__ import annotations

import logging
from pathlib import Path

from crosszero.errors import ConfigError
from crosszero.search.margin import Margin

_log = logging.getLogger("crosszero")


def encode(
    texts: Path,
    /,
    *,
    encoder: str,
    out: Path,
    layer: int | None = None,
    max_length: int | None = None,
    ray_address: str | None = None,
    cores: int | None = None,
) -> None:
    """Write the vector of each line of a text.

    Example: crosszero encode corpus.en --encoder runs/one --out en.npy

    Parameters
    ----------
    texts
        One text a line, plain or .gz.
    encoder
        crosszero-mini, a folder or a hub id.
    out
        An .npy file, which numpy.load reads: a unit vector for each line, float32.
    layer
        Hidden layer, from 1; by default the mean of the first and the last, as in training.
    max_length
        Tokens of a text; longer ones are cut. By default as many as the encoder takes.
    ray_address
        Encode on a Ray cluster: auto, HOST:PORT, or local for one of its own on this machine. All
        machines must see the folder of --out and the encoder. The vectors are the same.
    cores
        Cores, and threads, of each process on the cluster; by default 1.
    """
    _check_cores(cores, ray_address)
    if ray_address is None:
        from crosszero.bitext.numbered import read_lines
        from crosszero.model.encoder import Encoder
        from crosszero.model.vector_file import encode_to_file

        lines = read_lines(texts)  # all of them, so that a bad one is told at once
        encode_to_file(Encoder.load(encoder, layer=layer, max_length=max_length), lines, out)
    else:
        from crosszero.bitext.numbered import iterate_lines
        from crosszero.cluster import Cluster, encode_texts

        with Cluster(ray_address, cores=cores or 1) as cluster:
            encode_texts(
                encoder,
                iterate_lines(texts),
                out,
                cluster=cluster,
                layer=layer,
                max_length=max_length,
            )
    _log.info("%s: done; numpy.load(%r) reads it", out, str(out))


def align(
    source: Path,
    target: Path,
    /,
    *,
    encoder: str,
    out: Path,
    layer: int | None = None,
    max_length: int | None = None,
) -> None:
    """Link the words of sentences and their translations.

    Example: crosszero align corpus.en corpus.fr --encoder runs/one --out en-fr.links

    Parameters
    ----------
    source
        One sentence a line, its words between spaces, plain or .gz.
    target
        Its translation on the same line.
    encoder
        crosszero-mini, a folder or a hub id.
    out
        Pharaoh format: for each line its links i-j, source word and target word, counted from 0. A
        word is linked to the word that is its nearest and to which it is the nearest, if there is
        one.
    layer
        Hidden layer, from 1; by default the mean of the first and the last, as in training.
        'crosszero evaluate --layers all' measures which aligns best.
    max_length
        Tokens of a sentence; words behind them get no link. By default as many as the encoder
        takes.
    """
    from crosszero.align.links import align_words
    from crosszero.bitext.numbered import read_lines, split_words
    from crosszero.errors import DataError
    from crosszero.files import atomic_file
    from crosszero.model.encoder import Encoder

    left, right = ([split_words(line) for line in read_lines(path)] for path in (source, target))
    if len(left) != len(right):
        raise DataError(
            target,
            f"has {len(right)} lines, {source} has {len(left)}: a sentence and its translation "
            "stand on the same line",
            min(len(left), len(right)) + 1,
        )
    found = align_words(Encoder.load(encoder, layer=layer, max_length=max_length), left, right)
    with atomic_file(out) as file:
        file.writelines(" ".join(f"{i}-{j}" for i, j in links) + "\n" for links in found)
    _log.info("%s: %s links in %s lines", out, f"{sum(map(len, found)):,}", f"{len(found):,}")


def mine(
    source: Path,
    target: Path,
    /,
    *,
    encoder: str,
    out: Path,
    k: int = 4,
    margin: Margin = "ratio",
    threshold: float | None = None,
    layer: int | None = None,
    max_length: int | None = None,
    ray_address: str | None = None,
    cores: int | None = None,
) -> None:
    """Find the lines of two texts that mean the same.

    Example: crosszero mine news.en news.fr --encoder runs/one --out pairs.tsv --threshold 1.1

    Parameters
    ----------
    source
        One text a line, in any order, plain or .gz. Lines that stand there several times are in no
        pair: nothing would tell which of them is meant.
    target
        The same in the other language.
    encoder
        crosszero-mini, a folder or a hub id.
    out
        TSV: score, source, target; best first, no line twice. 'crosszero prepare' reads it with
        --columns 1 2.
    k
        Neighbours that a margin looks at.
    margin
        Score of a pair: its cosine against that of the neighbours, as ratio or distance, or the
        cosine itself (absolute).
    threshold
        Leave out pairs with a lower score.
    layer
        Hidden layer, from 1; by default the mean of the first and the last, as in training.
    max_length
        Tokens of a text; longer ones are cut. By default as many as the encoder takes.
    ray_address
        Work on a Ray cluster: auto, HOST:PORT, or local for one of its own on this machine, which
        keeps the vectors on the disk. All machines must see the folder of --out and the encoder.
        The pairs are the same.
    cores
        Cores, and threads, of each process on the cluster; by default 1.
    """
    from crosszero.bitext.numbered import read_lines
    from crosszero.search.file import write_pairs
    from crosszero.search.vector_mining import check_settings

    _check_cores(cores, ray_address)
    check_settings(k, margin)
    sides = read_lines(source), read_lines(target)
    if ray_address is None:
        from crosszero.model.encoder import Encoder
        from crosszero.search.mining import mine_texts

        loaded = Encoder.load(encoder, layer=layer, max_length=max_length)
        pairs = mine_texts(loaded, *sides, k=k, margin=margin)
    else:
        from crosszero.cluster import Cluster
        from crosszero.cluster import mine_texts as mine_on_cluster

        with Cluster(ray_address, cores=cores or 1) as cluster:
            pairs = mine_on_cluster(
                encoder,
                *sides,
                folder=out.resolve().parent,
                cluster=cluster,
                k=k,
                margin=margin,
                layer=layer,
                max_length=max_length,
            )
    count = write_pairs(out, pairs, *sides, threshold=threshold)
    _log.info("%s: %s pairs", out, f"{count:,}")


def _check_cores(cores: int | None, ray_address: str | None) -> None:
    if cores is not None and ray_address is None:
        raise ConfigError(
            "--cores are those of a process on a cluster: give --ray-address, too; for this "
            "process the variable OMP_NUM_THREADS says how many"
        )
