"""Projection measured on a made-up folder of treebanks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.projection.conll import TaggedWords
from crosszero.projection.rules import Rules
from research import projection


def write(path: Path, sentences: list[list[tuple[str, str]]]) -> None:
    rows = (
        "".join(
            f"{n}\t{word}\t_\t{tag}" + "\t_" * 6 + "\n"
            for n, (word, tag) in enumerate(words, start=1)
        )
        for words in sentences
    )
    path.write_text("\n".join(rows), encoding="utf-8")


@pytest.fixture
def treebanks(tmp_path: Path) -> Path:
    write(
        tmp_path / "en_pud-ud-test.conllu", [[("the", "DET"), ("cat", "NOUN")], [("sees", "VERB")]]
    )
    write(
        tmp_path / "fr_pud-ud-test.conllu", [[("le", "DET"), ("chat", "NOUN")], [("voit", "VERB")]]
    )
    (tmp_path / "README.txt").write_text("about these")
    return tmp_path


def test_a_folder_is_measured(treebanks: Path, model_folder: Callable[..., Path]) -> None:
    text = projection.main(["--data", str(treebanks), "--encoder", str(model_folder())])
    assert "| en-fr |" in text.replace("  ", " ")
    assert "2 sentences" in text


def test_scores_are_those_counted_by_hand() -> None:
    assert projection.score_tags([["DET", "_"]], [["DET", "NOUN"]]) == pytest.approx(2 / 3)
    assert projection.score_tags([["B-X", "O", "B-Y"]], [["B-X", "I-X", "B-Y"]]) == 0.5


def test_rules_join_what_a_plain_copy_leaves_apart() -> None:
    source = [TaggedWords(["New", "York"], ["B-LOC", "I-LOC"], 1)]
    target = [TaggedWords(["York", "de", "New"], ["B-LOC", "I-LOC", "I-LOC"], 1)]
    links = [[(0, 2, 1.0), (1, 0, 1.0)]]
    assert projection.copy_tags(source, target, links) == [["I-LOC", "O", "B-LOC"]]
    assert projection.project_all(source, target, links, Rules()) == [target[0].tags]


def test_what_does_not_fit_is_told(treebanks: Path, model_folder: Callable[..., Path]) -> None:
    given = ["--data", str(treebanks), "--encoder", str(model_folder())]
    with pytest.raises(ConfigError, match="no file of de"):
        projection.main([*given, "--source", "de"])
    write(treebanks / "de.conllu", [[("Katze", "NOUN")]])
    with pytest.raises(DataError, match="1 sentences"):
        projection.main(given)
    write(treebanks / "de_other.conllu", [])
    with pytest.raises(ConfigError, match="same language"):
        projection.main(given)
    with pytest.raises(ConfigError, match="two languages"):
        projection.find_treebanks(treebanks.parent)
