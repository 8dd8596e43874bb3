"""Every reader of files, and the file that it is fed with in place of a sound one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from crosszero.align.gold import read_alignment_set
from crosszero.align.link_reader import read_links
from crosszero.align.word_lists import read_lexicon
from crosszero.bitext import SkipLog, read_bitext
from crosszero.bitext.lines import require_lines, split_words
from crosszero.config import build
from crosszero.experiment.cache import CachedEncoder
from crosszero.experiment.recipes import read_experiment
from crosszero.experiment.records import read_record
from crosszero.experiment.result_tables import read_published
from crosszero.experiment.results import read_results
from crosszero.experiment.scores import Scores
from crosszero.experiment.steps import Stamp
from crosszero.experiment.yaml_text import parse_yaml
from crosszero.model.encoder import Encoder
from crosszero.model.head import ProjectionHead
from crosszero.model.readout import read_readout
from crosszero.model.saving import load_head
from crosszero.projection.formats import LabelFormat, make_format
from crosszero.projection.linking import attach_links
from crosszero.projection.rules import Rules
from crosszero.projection.translation import project_file
from crosszero.samples.preparation import Summary
from crosszero.samples.store import SampleStore
from crosszero.tasks.catalogue import find_task
from crosszero.training.checkpoint import load_checkpoint
from crosszero.training.metrics import read_metrics
from crosszero.training.optimizer import find_reached
from crosszero.training.setup import prepare_run
from crosszero.training.train_config import TrainConfig, read_settings
from tests.reliability.desk import CHECKPOINT, DATA, TRAIN

Shape = Literal["bytes", "lines", "json", "safetensors"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One reader.

    Attributes:
        file: of the desk, which is replaced by something like it.
        read: reads it; the desk is the current folder.
        shape: how the file is built, for mutations that keep the outside sound.
        tokens: what means something in the format.
        costs: how much slower than others; fewer examples are tried.
    """

    file: str
    read: Callable[[], object]
    shape: Shape = "bytes"
    tokens: tuple[bytes, ...] = ()
    costs: int = 1


def bitext(
    *names: str, shape: Shape = "bytes", tokens: Sequence[str] = (), costs: int = 1, **options: Any
) -> Reader:
    """A reader of parallel text, of which the last file is replaced."""

    source = str(Path(names[0]).parent) if names[0].startswith("paks") else list(names)

    def read() -> None:
        log = SkipLog()
        for _ in read_bitext(source, skip_log=log, **options):
            pass
        log.summary()
        list(read_bitext(source, **options))

    kept = tuple(token.encode() for token in tokens)
    return Reader(file=names[-1], read=read, shape=shape, tokens=kept, costs=costs)


def task(name: str, file: str, **more: Any) -> Reader:
    """The data of a task."""
    return Reader(
        file=f"{DATA.get(name, 'xtreme')}/{file}",
        read=lambda: find_task(name).check(DATA.get(name, "xtreme")),
        shape="lines",
        **more,
    )


def predictions(name: str, language: str, **more: Any) -> Reader:
    """The predictions of a task."""

    def read() -> None:
        find_task(name).score("predictions", DATA.get(name, "xtreme"), [language])

    file = f"predictions/{name}/test-{language}.tsv"
    return Reader(file=file, read=read, shape="lines", **more)


def encode() -> None:
    """Load the model and use it."""
    Encoder.load("model").encode(["the cat", "le chat"])


def resume() -> None:
    """Read a checkpoint without hashes, as before there were any; they would tell every change."""
    config = build(TrainConfig, TRAIN)
    run = prepare_run("model", SampleStore.open("store"), config, Path("unhashed"), resume=True)
    assert run.checkpoint is not None
    assert run.progress is not None
    modules = {"encoder": run.backbone.model, "head": run.head}
    reached = find_reached(run)
    load_checkpoint(run.checkpoint, modules, run.optimizer, run.progress, reached)


def read_vectors() -> None:
    """Take vectors that were kept."""
    CachedEncoder(Encoder.load("model"), "model", Path("vectors")).encode(["the cat"])


def labels(kind: LabelFormat, file: str, fed: str = "", **more: Any) -> Reader:
    """Labels that are carried over to a translation, or, as `fed`, the links for it."""

    def read() -> None:
        way = make_format(kind, Rules(broken="longest"), column=None, unlinked="_")
        link = partial(attach_links, path="labels/links")
        for _ in project_file(file, "labels/t.fr", way, link, raw=kind != "conll"):
            pass

    return Reader(file=fed or file, read=read, **more)


def read_store() -> None:
    """Read a store, and all that its numbers are used for."""
    store = SampleStore.open("store")
    list(store)
    store.count_units(with_words=True)
    Summary.of(store)
    assert store.languages == sorted(store.languages)
    assert store.language_pairs == sorted(store.language_pairs)


LINE = (b"\t", b"\n", b"\r", b"\0", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\xed\xa0\x80")
NUMBERS = (b"-1", b"0", b"1e999", b"NaN", b"99999999999999999999", b"0x1", b"\xd9\xa1", b"")
JSON = (b"null", b"[", b"]", b"{", b"}", b'""', b"true", b'"\\ud800"', b"NaN", *NUMBERS)
YAML = (b"&a ", b"*a", b"!!python/name:os ", b"- ", b": ", b"? ", b"{", b"[", b"|\n", b"<<: ", b"#")
TMX = (
    "<tu>", "</tu>", "<tuv>", "</tuv>", "<seg>", "</seg>", "<ph/>", "<bpt>", "<x/>", "</tmx>",
    "<!--", "-->", "<![CDATA[", "]]>", "&#0;", "&#xd800;", "&nbsp;", "<!ENTITY", "<!DOCTYPE",
    "<?xml?>", 'xml:lang=""', 'xmlns=""', 'encoding="utf-16"',
)  # fmt: skip
PO = (
    "msgid", "msgstr", "msgctxt", "msgid_plural", "msgstr[0]", "msgstr[9]", "#,", "#~", "#|", '"',
    "\\", "\\n", "\\x00", "\\777", "charset=", "Plural-Forms:", "nplurals=", "plural=", "fuzzy",
    "n%0", "n>1?n:",
)  # fmt: skip
LINKS = (b"0-0", b"1p1", b"0-0:0.5", b"1 1 1 S", b"-", b":", *NUMBERS)
TSV_TOKENS = ("\t", '"', '""', "\u3000", "\u200b", "\ufeff", "en", "fr", "\x1b[2J", "\u202e")

READERS: dict[str, Reader] = {
    "TSV": bitext("c.en-fr.tsv", shape="lines", tokens=TSV_TOKENS),
    "gzip": bitext("zipped.en-fr.tsv.gz"),
    "aligned files": bitext("a.en", "a.fr", shape="lines", tokens=TSV_TOKENS),
    "three languages": bitext("a.en", "a.fr", "a.ru", shape="lines", tokens=TSV_TOKENS),
    "TMX": bitext("m.tmx", tokens=TMX),
    "TMX, languages named": bitext("m.tmx", tokens=TMX, languages=["en", "fr"]),
    "PO": bitext("fr.po", tokens=PO, languages=["en", "fr"]),
    "PO, joined": bitext("fr.mo", "fr.po", tokens=PO, languages=["en", "fr"]),
    "MO": bitext("fr.mo", tokens=PO, languages=["en", "fr"]),
    "Chromium": bitext("paks/fr.pak"),
    "Parquet": bitext("flat.parquet", languages=["en", "fr"]),
    "Parquet, nested": bitext("nested.parquet", languages=["en", "fr"]),
    "lines": Reader(
        file="a.en",
        read=lambda: [split_words(line) for line in require_lines("a.en")],
        shape="lines",
        tokens=LINE,
    ),
    "labels, CoNLL": labels("conll", "labels/t.conll", shape="lines", tokens=LINE),
    "labels, spans": labels("spans", "labels/t.jsonl", tokens=JSON),
    "labels, markup": labels("markup", "labels/t.html", tokens=tuple(map(str.encode, TMX))),
    "links for labels": labels("conll", "labels/t.conll", "labels/links", tokens=LINKS),
    "links": Reader(
        file="labels/links", read=lambda: read_links("labels/links"), shape="lines", tokens=LINKS
    ),
    "word list": Reader(
        file="words.tsv",
        read=lambda: read_lexicon(["en,fr=words.tsv"]),
        shape="lines",
        tokens=LINE,
    ),
    "word lists in step": Reader(
        file="words.en",
        read=lambda: read_lexicon(["en=words.en", "fr=words.fr"]),
        shape="lines",
        tokens=LINE,
    ),
    "gold links": Reader(
        file="xtreme/word-alignment/en-fr.gold",
        read=lambda: read_alignment_set("xtreme/word-alignment/en-fr"),
        shape="lines",
        tokens=(b"0-0", b"1p1", b"-", b"p", b":", *NUMBERS),
    ),
    "store": Reader(file="store/part-00000.parquet", read=read_store),
    "store, numbers": Reader(
        file="store/_metadata.json", read=read_store, shape="json", tokens=JSON
    ),
    "weights": Reader(file="model/model.safetensors", read=encode, shape="safetensors", costs=4),
    "model, settings": Reader(
        file="model/config.json", read=encode, shape="json", tokens=JSON, costs=4
    ),
    "tokeniser": Reader(file="model/tokenizer.json", read=encode, shape="json", costs=4),
    "tokeniser, settings": Reader(
        file="model/tokenizer_config.json", read=encode, shape="json", tokens=JSON, costs=4
    ),
    **{
        f"reading of an encoder, {file}": Reader(
            file=f"run/{file}",
            read=lambda: read_readout("run"),
            shape="safetensors" if file.endswith("s") else "json",
            tokens=JSON,
        )
        for file in (
            "modules.json",
            "1_WeightedLayerPooling/config.json",
            "1_WeightedLayerPooling/model.safetensors",
            "2_Pooling/config.json",
            "config_sentence_transformers.json",
            "sentence_bert_config.json",
        )
    },
    "projection head": Reader(
        file="run/projection.safetensors",
        read=lambda: load_head("run", ProjectionHead(16, "multi")),
        shape="safetensors",
    ),
    "settings of a training": Reader(
        file="run/training.json",
        read=lambda: read_settings("run"),
        shape="json",
        tokens=JSON,
    ),
    "metrics": Reader(
        file="run/metrics.jsonl",
        read=lambda: read_metrics("run/metrics.jsonl"),
        tokens=JSON,
    ),
    "checkpoint, progress": Reader(
        file=f"{CHECKPOINT}/progress.json", read=resume, shape="json", tokens=JSON, costs=6
    ),
    "checkpoint, weights": Reader(
        file=f"{CHECKPOINT}/weights.safetensors", read=resume, shape="safetensors", costs=6
    ),
    "checkpoint, moments": Reader(
        file=f"{CHECKPOINT}/optimizer.safetensors", read=resume, shape="safetensors", costs=6
    ),
    "recipe": Reader(file="recipe.yaml", read=lambda: read_experiment("recipe.yaml"), tokens=YAML),
    "setting": Reader(
        file="setting",
        read=lambda: parse_yaml(Path("setting").read_text(errors="replace"), "--set x"),
        tokens=(*YAML, *NUMBERS),
    ),
    "published numbers": Reader(
        file="published.yaml",
        read=lambda: read_published("published.yaml"),
        tokens=YAML,
    ),
    "record": Reader(
        file="results/records/plain-tatoeba-1.json",
        read=lambda: read_record("results/records/plain-tatoeba-1.json"),
        shape="json",
        tokens=JSON,
    ),
    "results": Reader(
        file="results/experiment.yaml",
        read=lambda: read_results("results"),
        tokens=YAML,
        costs=2,
    ),
    "scores": Reader(
        file="measured/scores.json",
        read=lambda: str(Scores.read("measured/scores.json")),
        shape="json",
        tokens=JSON,
    ),
    "stamp": Reader(
        file="results/.stamps/train.json",
        read=lambda: Stamp("results", "train").is_begun("x"),
        shape="json",
        tokens=JSON,
    ),
    "vectors": Reader(file="vectors/*.npy", read=read_vectors, costs=4),
    "Tatoeba": task("tatoeba", "tatoeba/fr-en.fr", tokens=LINE),
    "Tatoeba, gold": task("tatoeba", "labels/tatoeba/test-fr.tsv", tokens=NUMBERS),
    "BUCC": task("bucc2018", "bucc2018/fr-en.test.fr", tokens=LINE),
    "BUCC, gold": task("bucc2018", "labels/bucc2018/test-fr.tsv", tokens=LINE),
    "sentence pairs": task("pawsx", "pawsx/train-en.tsv", tokens=LINE),
    "sentence pairs, gold": task("pawsx", "labels/pawsx/test-fr.tsv", tokens=NUMBERS),
    "tags": task("panx", "panx/train-en.tsv", tokens=(b"B-PER", b"I-LOC", b"O", b"\n\n", *LINE)),
    "tags, gold": task("panx", "labels/panx/test-fr.tsv", tokens=(b"B-PER", b"I-LOC", b"\n\n")),
    "predicted numbers": predictions("tatoeba", "fr", tokens=NUMBERS),
    "predicted pairs": predictions("bucc2018", "fr", tokens=LINE),
    "predicted tags": predictions("panx", "fr", tokens=(b"B-PER", b"I-LOC", b"\n\n")),
    "predicted labels": predictions("pawsx", "fr", tokens=NUMBERS),
    "predicted links": predictions("word-alignment", "en-fr", tokens=(b"0-0", b"1p1", *NUMBERS)),
}
