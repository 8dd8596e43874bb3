"""Training on word alignments that people made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import crosszero as cz
from crosszero.errors import ConfigError, DataError
from crosszero.model.hashing import hash_encoder
from crosszero.model.trimming import trim_encoder
from crosszero.samples.gold import find_known, read_gold_samples
from crosszero.samples.store import SampleStore
from crosszero.tasks.word_alignment import WordAlignment
from crosszero.training.metrics import read_metrics

Folders = Callable[..., Path]
SMALL = {
    "level": "split", "mlm_weight": 0.0, "words_per_sentence": 8, "batch_size": 4, "steps": 6,
    "max_length": 32, "precision": "fp32", "learning_rate": 1e-3, "log_every": 1,
}  # fmt: skip


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    path = tmp_path / "gold" / "de-en"
    path.parent.mkdir()
    sources = ["das Haus", "ein alter Hund", "ja", "der Hund schläft"] * 2
    targets = ["the house", "an old dog", "yes", "the dog sleeps"] * 2
    gold = ["0-0 1-1", "0-0 1-1 2-2 0p1", "0p0", "0-0 1-1 2-2"] * 2
    for ending, lines in ((".src", sources), (".tgt", targets), (".gold", gold)):
        Path(f"{path}{ending}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_sure_links_are_word_pairs(stem: Path) -> None:
    rows = list(read_gold_samples([stem]))
    assert len(rows) == 8
    first, second, third, _ = rows[:4]
    assert (first.source_language, first.target_language) == ("de", "en")
    assert first.origin == f"{stem}.src:1"
    found = [
        (second.source[slice(*w.source)], second.target[slice(*w.target)]) for w in second.words
    ]
    assert found == [("ein", "an"), ("alter", "old"), ("Hund", "dog")]
    assert third.words == ()


def test_a_run_learns_from_gold_and_remembers_it(
    stem: Path, model_folder: Folders, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "word-alignment").parent.mkdir()
    (data / "word-alignment").symlink_to(stem.parent)
    model = model_folder(dropout=0.0)
    out = cz.train(model, gold=[stem], out=tmp_path / "run", **SMALL)
    lines = read_metrics(out / "metrics.jsonl")
    assert lines[-1]["word_loss"] < lines[0]["word_loss"]
    assert len(SampleStore.open(out / "gold")) == 6  # no sure link, no sample
    known = find_known(out, ["neu", "das  Haus", "alt"], ["new", "a house", "the dog sleeps"])
    assert known == [1, 2]
    with pytest.raises(ConfigError, match=r"de-en: .* was trained on .* 6 of its 8"):
        WordAlignment().predict(cz.Encoder.load(out), data, tmp_path / "out")
    assert WordAlignment().predict(cz.Encoder.load(model), data, tmp_path / "out")
    assert find_known(model, ["das Haus"], ["the house"]) == []
    cz.train(model, gold=[stem], out=out, resume=True, **SMALL)


def test_gold_is_remembered_through_further_training_and_trimming(
    stem: Path, model_folder: Folders, tmp_path: Path
) -> None:
    """Once by what training writes today, once by the store alone, as runs from before have it."""
    first = cz.train(model_folder(dropout=0.0), gold=[stem], out=tmp_path / "first", **SMALL)
    identity = hash_encoder(first)
    assert "Haus" not in (first / "gold.json").read_text()
    other = stem.with_name("fr-en")
    for ending, lines in ((".src", "la mer\nle roi"), (".tgt", "the sea\nthe king")):
        Path(f"{other}{ending}").write_text(f"{lines}\n" * 2)
    Path(f"{other}.gold").write_text("0-0 1-1\n" * 4)
    pairs = ["das Haus", "la mer", "neu"], ["x", "y", "z"]
    for start in ("today", "before"):
        if start == "before":
            (first / "gold.json").unlink()
            assert hash_encoder(first) == identity  # it is the same encoder
        more = cz.train(first, gold=[f"{other}:0"], out=tmp_path / start / "more", **SMALL)
        assert find_known(more, *pairs) == [0, 1]
        on = cz.train(more, more / "gold", out=tmp_path / start / "on", **SMALL)
        assert find_known(on, *pairs) == [0, 1]
        for place, known in ((first, [0]), (on, [0, 1])):
            small = tmp_path / start / f"small-{place.name}"
            trim_encoder(place, small, texts=["the house", "la mer"])
            assert find_known(small, *pairs) == known
    (on / "gold.json").write_text("{")
    with pytest.raises(DataError, match=r"gold\.json: damaged"):
        find_known(on, *pairs)


def test_what_is_no_gold_is_refused(stem: Path, model_folder: Folders, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match="give either samples or gold"):
        cz.train(model_folder(), out=out)
    with pytest.raises(ConfigError, match="give either samples or gold"):
        cz.train(model_folder(), tmp_path, gold=[stem], out=out)
    with pytest.raises(DataError, match="No such file"):
        cz.train(model_folder(), gold=[tmp_path / "de-fr"], out=out)
    with pytest.raises(ConfigError, match="level: sentence learns from no links"):
        cz.train(model_folder(), gold=[stem], out=out, level="sentence")
    with pytest.raises(ConfigError, match="links that people made, which would be lost"):
        cz.train(model_folder(), gold=[stem], out=out, refresh_words_every=2, max_length=32)
    with pytest.raises(ConfigError, match="de-en is given 2 times; name it once"):
        cz.train(model_folder(), gold=[stem, f"{stem}:0"], out=out)
    with pytest.raises(ConfigError, match="languages are not clear from the name"):
        cz.train(model_folder(), gold=[tmp_path / "hansards"], out=out)
    Path(f"{stem}.gold").write_text("0p0\n" * 8)
    with pytest.raises(DataError, match="has no sure link"):
        cz.train(model_folder(), gold=[stem], out=out)
    assert not out.exists()
