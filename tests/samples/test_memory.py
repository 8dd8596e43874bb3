"""Memory does not grow with the corpus: measured in processes of their own, at two sizes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks import large_input
from benchmarks.large_input import make_pairs, write_lexicon
from benchmarks.machine import peak_memory, run_apart
from crosszero.samples import FinderConfig, SampleStore, preparation, prepare
from crosszero.samples.seen import Seen
from crosszero.samples.spool import Spool
from crosszero.training.stream import SampleStream

_FILLER = " " + 1_000 * "x"  # what is kept by mistake weighs two kilobytes for each pair


def prepare_and_stream(folder: Path, count: int) -> float:
    """Memory peak in MB; what is kept up to a limit is limited to less than the smaller corpus."""
    preparation.Spool = partial(Spool, in_memory=1_000)  # type: ignore[misc, assignment]
    preparation.Seen = partial(Seen, 1_000)  # type: ignore[misc, assignment]
    large_input._WORDS = 3_000
    pairs = (
        replace(pair, source=pair.source + _FILLER, target=pair.target + _FILLER)
        for pair in make_pairs(count, seed=1)
    )
    lexicon = write_lexicon(folder / "words.tsv", 3_000)
    store = prepare(
        pairs,
        out=folder / "store",
        words=FinderConfig(kind="lexicon", lexicon=(f"en,fr={lexicon}",)),
        deduplicate=True,
        hold_out=50,
    )
    assert store.rows > 0.9 * count
    assert store.metadata["words"] > store.rows
    store = SampleStore.open(folder / "store")
    stream = SampleStream(store=store, batch_size=64, level="multi", seed=1, window_rows=4_096)
    for _ in islice(stream.batches(), stream.count_batches()):
        pass
    return 1_000 * peak_memory()


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    peaks = []
    for count in (6_000, 26_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        peaks.append(run_apart(prepare_and_stream, folder, count))
    assert peaks[1] < peaks[0] + 30, f"{peaks[0]:.0f} MB, then {peaks[1]:.0f} MB"
