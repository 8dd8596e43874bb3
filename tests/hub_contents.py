"""What the hub has of ``recipes/paper-suite.yaml``, tiny, in the files that it really has there.

mBERT has safetensors with names of 2018. XLM has none on its main branch, but on a pull request of
the hub's converter. XTREME is Parquet, with the classes' names in the README.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForPreTraining, XLMConfig, XLMWithLMHeadModel

from crosszero.tasks.catalogue import find_task
from crosszero.tasks.task import Task
from crosszero.tasks.tatoeba import LASER_CODES
from crosszero.tasks.udpos import _TREEBANKS, Udpos
from tests.hub import StandIn

MBERT, XLM = "google-bert/bert-base-multilingual-cased", "FacebookAI/xlm-mlm-100-1280"
LETTERS = string.ascii_letters + string.digits + ".,!?'-"
NER = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
NLI = ("entailment", "neutral", "contradiction")


MEANINGS = [
    "king",
    "house",
    "sea",
    "cat",
    "dog",
    "weather",
    "red",
    "old",
    "new",
    "good",
    "sees",
    "today",
]
LANGUAGES = ("en", "fr", "yo")


def say(language: str, number: int) -> str:
    """Five words of a language; a number says the same in every language."""
    return " ".join(word + language for word in Random(number).sample(MEANINGS, 5))


def add_encoders(hub: StandIn, folder: Path) -> None:
    """Put mBERT and XLM there."""
    torch.manual_seed(1)
    _make_mbert(folder / "mbert")
    hub.add(MBERT, folder / "mbert")
    _make_xlm(folder / "xlm")
    hub.add(XLM, folder / "xlm", branch="refs/pr/2")
    (folder / "xlm/model.safetensors").unlink()
    hub.add(XLM, folder / "xlm")


def _make_mbert(folder: Path) -> None:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *LETTERS, *(f"##{letter}" for letter in LETTERS), "king", "##en"]
    config = BertConfig(
        vocab_size=len(tokens), hidden_size=8, num_hidden_layers=12, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=512,
    )  # fmt: skip
    BertForPreTraining(config).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, name in old.items():
        weights = {key.replace(new, name): value for key, value in weights.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _drop_version(folder)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens))
    words = {"do_lower_case": False, "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(words))
    (folder / "tokenizer.json").write_text(_describe_wordpiece(tokens, special))
    _add_other_formats(folder)


def _describe_wordpiece(tokens: Sequence[str], special: Sequence[str]) -> str:
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    ids = {token: number for number, token in enumerate(tokens)}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=None)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.add_special_tokens([AddedToken(token, special=True) for token in special])
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, ids[token]) for token in ("[CLS]", "[SEP]")],
    )  # fmt: skip
    return made.to_str()


def _make_xlm(folder: Path) -> None:
    special = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{n}>" for n in range(10))]
    tokens = [*special, *LETTERS, *(f"{letter}</w>" for letter in LETTERS), "ki", "kin", "king"]
    languages = {"lang2id": {"ar": 0, "en": 1, "fr": 2}, "id2lang": {0: "ar", 1: "en", 2: "fr"}}
    config = XLMConfig(
        vocab_size=len(tokens), emb_dim=8, n_layers=16, n_heads=2, max_position_embeddings=512,
        n_langs=3, use_lang_emb=False, **languages,
    )  # fmt: skip
    XLMWithLMHeadModel(config).half().save_pretrained(folder)
    _drop_version(folder)
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("k i 30\nki n 20\nkin g 10\n")
    words = {"do_lowercase_and_remove_accent": False, "model_max_length": 512, **languages}
    (folder / "tokenizer_config.json").write_text(json.dumps(words))
    _add_other_formats(folder)


def _drop_version(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    for name in ("transformers_version", "dtype"):
        config.pop(name, None)
    (folder / "config.json").write_text(json.dumps(config))


def _add_other_formats(folder: Path) -> None:
    for name in ("pytorch_model.bin", "tf_model.h5", "README.md", ".gitattributes"):
        (folder / name).write_text("nothing that crosszero reads\n")


def add_xtreme(hub: StandIn, folder: Path) -> None:
    """Put some languages of ``google/xtreme`` there, and the training data of XNLI."""
    made = _DataSet(folder / "xtreme")
    rows = [
        {"language": code, "sentence1": say(code, n), "sentence2": say(code, n + 1),
         "gold_label": NLI[n % 3]}
        for code in _choose(find_task("xnli")) for n in range(4)
    ]  # fmt: skip
    made.add("XNLI", {"validation": rows, "test": rows}, text=list(rows[0]))
    for code in _choose(find_task("pawsx")):
        pairs = [
            {"sentence1": say(code, n), "sentence2": say(code, n + 1), "label": n % 2}
            for n in range(6)
        ]
        made.add(
            f"PAWS-X.{code}", dict.fromkeys(("train", "validation", "test"), pairs),
            text=["sentence1", "sentence2"], classes={"label": ("0", "1")},
        )  # fmt: skip
    udpos, panx = find_task("udpos"), find_task("panx")
    tagged: list[tuple[str, str, str, Sequence[str], bool]] = [
        (f"PAN-X.{code}", code, "ner_tags", NER, True) for code in _choose(panx)
    ]
    assert isinstance(udpos, Udpos)
    tags = [tag for tag in udpos.labels if tag != "_"]
    for code in _choose(udpos):
        subset = f"udpos.{_TREEBANKS[code]}"
        tagged.append((subset, code, "pos_tags", tags, code not in udpos.without_dev))
    for subset, code, column, names, has_dev in tagged:
        sentences = [
            {"tokens": say(code, n).split(), column: [(n + k) % len(names) for k in range(5)]}
            for n in range(6)
        ]
        splits = ("train", "validation", "test") if has_dev else ("test",)
        made.add(subset, dict.fromkeys(splits, sentences), lists={column: names})
    for code in _choose(find_task("tatoeba")):
        texts = [
            {"source_sentence": say(code, n), "target_sentence": say("en", 10 - n),
             "source_lang": LASER_CODES[code], "target_lang": "eng"}
            for n in range(4)
        ]  # fmt: skip
        made.add(f"tatoeba.{LASER_CODES[code]}", {"validation": texts}, text=list(texts[0]))
    made.finish(hub, "google/xtreme")
    nli = _DataSet(folder / "xnli")
    train = [
        {"premise": say("en", n), "hypothesis": say("en", n + 1), "label": n % 3} for n in range(6)
    ]
    nli.add(
        "en", dict.fromkeys(("train", "test", "validation"), train),
        text=["premise", "hypothesis"], classes={"label": NLI},
    )  # fmt: skip
    nli.finish(hub, "facebook/xnli")


def _choose(task: Task) -> list[str]:
    return [code for code in task.hub_languages if code in LANGUAGES]


class _DataSet:
    """A data set in Parquet, a folder for each configuration, described in its README."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.infos: list[dict[str, Any]] = []
        self.configs: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        splits: dict[str, list[dict[str, Any]]],
        *,
        text: Sequence[str] = (),
        classes: dict[str, Sequence[str]] | None = None,
        lists: dict[str, Sequence[str]] | None = None,
    ) -> None:
        """Write a configuration: columns of text, of classes, or of lists of words and classes."""
        features: list[dict[str, Any]] = [{"name": column, "dtype": "string"} for column in text]
        if lists:
            features.append({"name": "tokens", "sequence": "string"})
        for given, inside in ((classes, "dtype"), (lists, "sequence")):
            for column, names in (given or {}).items():
                named = {"class_label": {"names": {str(n): x for n, x in enumerate(names)}}}
                features.append({"name": column, inside: named})
        (self.folder / name).mkdir(parents=True)
        for split, rows in splits.items():
            path = self.folder / name / f"{split}-00000-of-00001.parquet"
            pq.write_table(pa.Table.from_pylist(rows), path)
        counts = [{"name": split, "num_examples": len(rows)} for split, rows in splits.items()]
        self.infos.append({"config_name": name, "features": features, "splits": counts})
        paths = [{"split": split, "path": f"{name}/{split}-*"} for split in splits]
        self.configs.append({"config_name": name, "data_files": paths})

    def finish(self, hub: StandIn, name: str) -> None:
        """Write the README and put all there."""
        head = yaml.safe_dump({"dataset_info": self.infos, "configs": self.configs})
        (self.folder / "README.md").write_text(f"---\n{head}---\n# Tiny\n")
        hub.add(name, self.folder, kind="datasets")


def write_local_data(folder: Path) -> None:
    """Write what a user has to bring: UN text, BUCC's sentences, gold word alignments."""
    (folder / "un/6way").mkdir(parents=True)
    for code in ("en", "ar", "es", "fr", "ru", "zh"):
        text = "".join(f"{say(code, n)}\n" for n in range(40))
        (folder / f"un/6way/UNv1.0.6way.{code}").write_text(text)
    bucc, gold = folder / "xtreme/bucc2018", folder / "xtreme/labels/bucc2018"
    bucc.mkdir(parents=True)
    gold.mkdir(parents=True)
    for code in ("de", "fr", "ru", "zh"):
        pairs = "".join(f"{code}-{n:09d}\ten-{n:09d}\n" for n in range(3))
        for part in ("dev", "test"):
            for side in (code, "en"):
                text = "".join(f"{side}-{n:09d}\t{say(side, n)}\n" for n in range(6))
                (bucc / f"{code}-en.{part}.{side}").write_text(text)
        (bucc / f"{code}-en.dev.gold").write_text(pairs)
        (gold / f"test-{code}.tsv").write_text(pairs)
    aligned = folder / "xtreme/word-alignment"
    aligned.mkdir()
    for pair in ("en-fr", "de-en"):
        for end, code in zip((".src", ".tgt"), pair.split("-"), strict=True):
            text = "".join(f"{say(code, n)}\n" for n in range(4))
            (aligned / f"{pair}{end}").write_text(text)
        links = "0-0 1-1 2-2 3-3 4-4\n"
        (aligned / f"{pair}.gold").write_text(4 * links)
