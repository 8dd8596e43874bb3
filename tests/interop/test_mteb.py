"""mteb measures an encoder: a task made here, without a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crosszero.errors import ConfigError
from crosszero.model.encoder import Encoder

mteb = pytest.importorskip("mteb")
from datasets import Dataset, DatasetDict  # noqa: E402
from mteb.abstasks import AbsTaskBitextMining, AbsTaskRetrieval  # noqa: E402
from mteb.abstasks.task_metadata import TaskMetadata  # noqa: E402

from crosszero.interop import MtebEncoder  # noqa: E402

Folders = Callable[..., Path]
ENGLISH = ["the king sees the house", "the weather is good", "old sea"]
FRENCH = ["le roi voit la maison", "le temps est bon", "vieux mer"]
ABOUT: dict[str, Any] = {
    "description": "of a test", "dataset": {"path": "none", "revision": "1"}, "reference": None,
    "category": "t2t", "modalities": ["text"], "eval_splits": ["test"],
    "eval_langs": ["eng-Latn", "fra-Latn"], "date": None, "domains": None, "task_subtypes": None,
    "license": None, "annotations_creators": None, "dialect": None, "sample_creation": None,
    "bibtex_citation": "",
}  # fmt: skip


class Pairs(AbsTaskBitextMining):
    metadata = TaskMetadata(name="Pairs", type="BitextMining", main_score="f1", **ABOUT)

    def load_data(self, *_: Any, **__: Any) -> None:
        columns = {"sentence1": ENGLISH, "sentence2": FRENCH}
        self.dataset = DatasetDict({"test": Dataset.from_dict(columns)})
        self.data_loaded = True


class Questions(AbsTaskRetrieval):
    metadata = TaskMetadata(name="Questions", type="Retrieval", main_score="ndcg_at_10", **ABOUT)

    def load_data(self, *_: Any, **__: Any) -> None:
        rows = [{"id": f"d{n}", "text": text, "title": ""} for n, text in enumerate(FRENCH)]
        asked = [{"id": f"q{n}", "text": text} for n, text in enumerate(ENGLISH)]
        self.dataset = {"default": {"test": {
            "corpus": Dataset.from_list(rows), "queries": Dataset.from_list(asked),
            "relevant_docs": {f"q{n}": {f"d{n}": 1} for n in range(3)}, "top_ranked": None,
        }}}  # fmt: skip
        self.data_loaded = True


def evaluate(model: MtebEncoder, task: Any) -> float:
    found = mteb.evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False)
    return float(found.task_results[0].get_score())


@pytest.fixture
def with_prompts(model_folder: Folders, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(model_folder(), tmp_path / "model"))
    prompts = {"prompts": {"query": "le roi : ", "passage": "猫 : ", "other": ""}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(
        json.dumps({"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    )
    return folder


def test_a_task_is_scored_by_our_vectors(model_folder: Folders) -> None:
    encoder = Encoder.load(model_folder(), precision="fp32")
    nearest = (encoder.encode(ENGLISH) @ encoder.encode(FRENCH).T).argmax(axis=1)
    expected = Pairs()._compute_metrics(
        [{"corpus_id": int(n)} for n in nearest], [(n, n) for n in range(3)]
    )
    assert evaluate(MtebEncoder(encoder), Pairs()) == pytest.approx(expected["f1"], abs=1e-6)


def test_a_folder_gets_the_scores_that_sentence_transformers_gets(with_prompts: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    theirs = library.SentenceTransformer(str(with_prompts), device="cpu")
    for task in (Pairs, Questions):
        ours = evaluate(MtebEncoder(str(with_prompts), precision="fp32"), task())
        assert ours == pytest.approx(evaluate(theirs, task()), abs=1e-6)


def test_prompts_are_those_of_the_kind_of_text(with_prompts: Path) -> None:
    model, encoder = MtebEncoder(with_prompts), Encoder.load(with_prompts)
    kinds = mteb.types.PromptType
    for kind, prompt in [(kinds.query, "le roi : "), (kinds.document, "猫 : "), (None, "")]:
        found = model.encode(
            [{"text": ENGLISH[:2]}, {"text": ENGLISH[2:]}], task_metadata=Questions.metadata,
            hf_split="test", hf_subset="default", prompt_type=kind,
        )  # fmt: skip
        np.testing.assert_array_equal(found, encoder.encode(ENGLISH, prompt=prompt))
    own = MtebEncoder(encoder, prompts={"Pairs": "the ", "query": "a "})
    assert own._find_prompt(Pairs.metadata, None) == "the "
    assert own._find_prompt(Questions.metadata, kinds.document) is None


def test_results_are_kept_apart_by_what_decides_on_the_vectors(
    model_folder: Folders, with_prompts: Path
) -> None:
    import torch

    name = str(model_folder())
    changed = Encoder.load(name)
    with torch.no_grad():
        changed.backbone.table.weight[7] += 1
    models = [
        MtebEncoder(name), MtebEncoder(changed), MtebEncoder(name, pooling="cls"),
        MtebEncoder(name, max_length=9), MtebEncoder(name, prompts={"query": "a "}),
        MtebEncoder(name, layer=1), MtebEncoder(with_prompts),
    ]  # fmt: skip
    assert len({model.mteb_model_meta.revision for model in models}) == len(models)
    again = MtebEncoder(name).mteb_model_meta
    assert again.revision == models[0].mteb_model_meta.revision
    assert again.name == f"crosszero/{Path(name).name}"
    assert again.embed_dim == 16


def test_what_mteb_can_not_have_is_refused(model_folder: Folders) -> None:
    encoder = Encoder.load(model_folder(), precision="fp32")
    with pytest.raises(ConfigError, match="an encoder is given"):
        MtebEncoder(encoder, "main")
    with pytest.raises(ConfigError, match="'int8' given; float32"):
        mteb.evaluate(
            MtebEncoder(encoder), Pairs(), cache=None, co2_tracker=False,
            encode_kwargs={"precision": "int8"},
        )  # fmt: skip
