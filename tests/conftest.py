"""Encoders and tokenisers, built in memory: no test needs a download or a data folder."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # a worker for each core: more threads would only wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

TEXT = """
the a weather is good today bad tomorrow king sees house red cat dog old new sea
le temps est bon aujourd hui mauvais demain roi voit maison rouge chat chien vieux mer
天 气 今 很 好 国 王 猫 狗 погода сегодня король дом الطقس اليوم الملك بيت
"""
WORDS = TEXT.split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Spell bytes of file names that are no text: a report travels between processes as UTF-8."""
    report = yield

    def spell(text: str) -> str:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")

    report.sections = [(name, spell(text)) for name, text in report.sections]
    if report.failed and spell(str(report.longrepr)) != str(report.longrepr):
        report.longrepr = spell(str(report.longrepr))
    return report


ARCHITECTURES = ("bert", "xlm-roberta", "modernbert", "deberta-v2")


def make_tokenizer(kind: str = "bert") -> Any:
    """A small fast tokeniser of the kind that an architecture usually has."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted({letter for word in WORDS for letter in word})
    if kind in ("bert", "deberta-v2", "distilbert"):
        pieces = [*SPECIAL, *dict.fromkeys(WORDS), *letters, *(f"##{x}" for x in letters)]
        vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
        tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        names = SPECIAL
    elif kind == "xlm-roberta":
        names = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
        scores = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("<mask>", 0.0)]
        scores += [(f"▁{word}", -3.0) for word in dict.fromkeys(WORDS)]
        scores += [(x, -8.0) for x in ["▁", *letters]]
        tokenizer = Tokenizer(models.Unigram(scores, unk_id=3))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    else:  # byte-level pairs: one Chinese character is several tokens
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {piece: i for i, piece in enumerate([*SPECIAL, *alphabet, "th", "the"])}
        tokenizer = Tokenizer(models.BPE(vocabulary, [("t", "h"), ("th", "e")]))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        names = SPECIAL
    pad, unk, cls, sep, mask = names
    ids = [(cls, tokenizer.token_to_id(cls)), (sep, tokenizer.token_to_id(sep))]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}", pair=f"{cls} $A {sep} $B:1 {sep}:1", special_tokens=ids
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        unk_token=unk,
        cls_token=cls,
        sep_token=sep,
        mask_token=mask,
        model_max_length=64,
    )


def make_model(
    kind: str = "bert", *, hidden: int = 16, layers: int = 3, dropout: float = 0.1
) -> Any:
    """A small random masked language model of an architecture, and its tokeniser."""
    import transformers as t

    tokenizer = make_tokenizer(kind)
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer) + 3,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * hidden,
        "pad_token_id": tokenizer.pad_token_id,
        "max_position_embeddings": 66 if kind == "xlm-roberta" else 64,
    }
    drops = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    if kind == "bert":
        model = t.BertForMaskedLM(t.BertConfig(**shape, **drops))
    elif kind == "xlm-roberta":
        model = t.XLMRobertaForMaskedLM(t.XLMRobertaConfig(**shape, **drops))
    elif kind == "deberta-v2":
        config = t.DebertaV2Config(**shape, **drops, relative_attention=True, legacy=False)
        model = t.DebertaV2ForMaskedLM(config)
    elif kind == "distilbert":
        names = {"vocab_size", "pad_token_id", "max_position_embeddings"}
        config = t.DistilBertConfig(
            **{name: shape[name] for name in names}, dim=hidden, n_layers=layers, n_heads=2,
            hidden_dim=2 * hidden, dropout=dropout,
        )  # fmt: skip
        model = t.DistilBertForMaskedLM(config)
    elif kind == "modernbert":
        config = t.ModernBertConfig(
            **shape,
            cls_token_id=tokenizer.cls_token_id,
            sep_token_id=tokenizer.sep_token_id,
            bos_token_id=None,
            eos_token_id=None,
            global_attn_every_n_layers=2,
            local_attention=16,
            mlp_dropout=dropout,
        )
        model = t.ModernBertForMaskedLM(config)
    else:
        raise ValueError(kind)
    return model, tokenizer


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make (once) and give the folder of a small random model with its MLM head."""
    import torch

    made: dict[tuple[Any, ...], Path] = {}

    def make(kind: str = "bert", **options: Any) -> Path:
        key = (kind, *sorted(options.items()))
        if key not in made:
            with torch.random.fork_rng():
                torch.manual_seed(1)
                model, tokenizer = make_model(kind, **options)
            folder = tmp_path_factory.mktemp(kind)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            made[key] = folder
        return made[key]

    return make
