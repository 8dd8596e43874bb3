"""The card of a run: valid for the hub, true of the data, and silent about this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

import crosszero as cz
from crosszero.experiment.scores import Scores
from crosszero.interop.hub_card import complete_card
from crosszero.tasks.score import Score
from crosszero.training.model_card import find_license

Folders = Callable[..., Path]
SMALL = {"steps": 2, "batch_size": 4, "max_length": 32, "precision": "fp32", "level": "sentence"}


@pytest.fixture(scope="module")
def card(model_folder: Folders, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("secret")
    for name, lines in {"one.en-fr": ["the cat\tle chat", "old sea\tvieux mer"] * 4,
                        "two.en-ru": ["the king\tкороль", "house\tдом"] * 4}.items():  # fmt: skip
        (place / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pairs = [p for name in ("one.en-fr.tsv", "two.en-ru.tsv") for p in cz.read_bitext(place / name)]
    store = cz.prepare(pairs, out=place / "samples")
    start = Path(shutil.copytree(model_folder(), place / "start"))
    (start / "README.md").write_text("---\nlicense: mit\n---\n# start\n")
    cz.train(str(start), store, out=place / "run", **SMALL)
    return (place / "run" / "README.md").read_text(encoding="utf-8")


def test_the_header_is_what_the_hub_reads(card: str) -> None:
    data = ModelCard(card).data
    assert data.language == ["en", "fr", "ru"]
    assert data.library_name == "sentence-transformers"
    assert data.pipeline_tag == "sentence-similarity"
    assert data.base_model is None  # a folder of this machine
    assert data.license is None  # nobody has said so


def test_it_tells_what_the_run_was_trained_on(card: str) -> None:
    assert "Text: `one.en-fr.tsv`, `two.en-ru.tsv`." in card
    assert "| en-fr | 8 |" in card
    assert "| `start` | mit |" in card
    assert "| texts | not stated |" in card
    assert "| contrastive loss | " in card
    for library in ("import crosszero", "import SentenceTransformer", "import AutoModel"):
        assert library in card


def test_no_path_of_this_machine_is_told(card: str) -> None:
    assert "secret" not in card


def test_on_the_hub_it_has_another_name_and_says_more(card: str) -> None:
    scores = Scores(
        [
            Score(task="tatoeba", metric="accuracy", language="fr", value=0.25, count=4),
            Score(task="udpos", metric="f1", language="ru", value=0.5, count=9),
            Score(
                task="word-alignment", metric="aer", language="en-fr", value=0.1, count=9, layer=2
            ),
        ]
    )
    full = complete_card(
        card, "user/name", local="run", scores=scores, license="mit", data_license="CC BY 4.0"
    )
    again = complete_card(full, "user/name", local="run", scores=scores)
    assert again == full
    made = ModelCard(full)
    assert made.data.license == "mit"
    assert [(r.task_type, r.metric_value) for r in made.data.eval_results or []] == [
        ("sentence-similarity", 0.25), ("token-classification", 0.5)
    ]  # fmt: skip
    assert "| texts | CC BY 4.0 |" in full
    assert full.count("## Results") == 1
    assert 'cz.Encoder.load("user/name")' in full
    assert '"run"' not in full
    assert "# user/name\n" in full


def test_the_licence_of_an_encoder_is_that_of_its_card(tmp_path: Path) -> None:
    assert find_license(str(tmp_path)) is None
    (tmp_path / "README.md").write_text("no header")
    assert find_license(str(tmp_path)) is None
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert find_license(str(tmp_path)) == "apache-2.0"
    assert find_license("nobody/nothing") is None  # not in the cache, and no network
