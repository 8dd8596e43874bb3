"""The card of a run: valid for the hub, true of the data, and silent about this machine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

import crosszero as cz
from crosszero.config import build
from crosszero.experiment.scores import Scores
from crosszero.interop.hub_card import complete_card
from crosszero.model.backbone import Backbone
from crosszero.samples.store import collect
from crosszero.tasks.score import Score
from crosszero.training.model_card import find_license, write_card
from crosszero.training.train_config import TrainConfig
from tests.training.conftest import make_samples

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


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "cz-nce on [sentence ; word] vectors, masked language modelling with weight 0.1."),
        (
            {"level": "sentence", "anchor_weight": 2.0},
            "cz-nce on sentence vectors, masked language modelling with weight 0.1, and an anchor "
            "with weight 2.0, which keeps sentence vectors near where they were before "
            "training.",
        ),
        (
            {
                "level": "split",
                "words_per_sentence": 2,
                "word_weight": 0.5,
                "anchor_weight": 3.0,
                "layers": {"word": 2},
            },
            "cz-nce on sentence vectors (first + last layer) and, with weight 0.5, on word vectors "
            "(layer 2), each against the other words of its sentence pair, masked language "
            "modelling with weight 0.1, and an anchor with weight 3.0, which keeps sentence "
            "vectors near where they were before training.",
        ),
        (
            {"level": "split", "words_per_sentence": 2, "layers": {"sentence": "last", "word": 1}},
            "cz-nce on sentence vectors (last layer) and, with weight 1.0, on word vectors "
            "(layer 1), each against the other words of its sentence pair, masked language "
            "modelling with weight 0.1.",
        ),
    ],
)
def test_it_tells_all_losses(
    model_folder: Folders, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    lines = [
        {"step": 1, "texts": 4, "contrastive_loss": 3.0, "mlm_loss": 2.0},
        {"step": 2, "texts": 4, "contrastive_loss": 1.0, "mlm_loss": 1.5},
        {"step": 3, "texts": 4, "contrastive_loss": 0.5, "mlm_loss": 1.0},
    ]
    if changes.get("level") == "split":  # a batch without two words in a pair has no such loss
        for line, words in zip(lines, (None, 1.25, 0.75), strict=True):
            line |= {"word_loss": words}
    if "anchor_weight" in changes:
        for line in lines:
            line |= {"drift": line["step"] / 8 - 0.125}
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    store = collect(make_samples(8), tmp_path / "samples")
    config = build(TrainConfig, changes)
    card = write_card(Backbone.load(model_folder()), store, config, steps=3, out=tmp_path)
    assert f"contrastive loss {told}" in card
    rows = re.findall(r"\| (.+) \| (.+ → .+) \|", card)
    assert dict(rows) == {
        "contrastive loss": "3.000 → 0.500",
        "MLM loss": "2.000 → 1.000",
        **({"word loss": "1.250 → 0.750"} if changes.get("level") == "split" else {}),
        **({"drift": "0.000 → 0.250"} if "anchor_weight" in changes else {}),
    }


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
