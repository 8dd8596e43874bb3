"""A folder with one small, sound piece of everything that a command reads."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

import polib
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml

from crosszero.cli import main
from crosszero.experiment.cache import CachedEncoder
from crosszero.experiment.steps import Stamp
from crosszero.model.encoder import Encoder
from tests.conftest import make_model
from tests.experiment.conftest import make_xtreme
from tests.training.conftest import DICTIONARY

LINES = [
    (f"the {a[0]} sees the {b[0]}", f"le {a[1]} voit la {b[1]}")
    for a in DICTIONARY[:5]
    for b in DICTIONARY[:5]
    if a != b
]
TRAIN = {
    "steps": 2, "batch_size": 8, "max_length": 32, "precision": "fp32", "checkpoint_every": 1,
}  # fmt: skip
CHECKPOINT = "unhashed/checkpoints/step-00000002"
DATA = {"bucc2018": "bucc"}  # of tasks that have a folder of their own
RECIPE = {
    "name": "small",
    "out": "results",
    "encoder": "model",
    "samples": "store",
    "data": "xtreme",
    "tasks": ["tatoeba"],
    "seeds": [1],
    "train": TRAIN,
    "systems": {"plain": {}, "trained": {"train": {}}},
    "max_length": 32,
    "page": False,
}


def call(arguments: Sequence[str]) -> int:
    """Run a command line in this process and give its exit status."""
    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def write(path: Path, content: str | bytes) -> None:
    """Write a file, and the folders that it stands in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def make_desk(folder: Path) -> None:
    """Put everything into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    make_texts(folder)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model, tokenizer = make_model()
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    make_xtreme(folder / "xtreme")
    write(folder / "recipe.yaml", yaml.safe_dump(RECIPE))
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TRAIN.items()]
    with chdir(folder):
        for line in (
            ["prepare", "c.en-fr.tsv", "--out", "store", "--words.stop-words", "none"],
            ["train", "store", "--out", "run", "--encoder", "model", *flags],
            ["run", "recipe.yaml"],
            ["evaluate", "--encoder=model", "--data=xtreme", "--tasks=tatoeba", "--out=measured"],
        ):
            assert call(line) == 0, line
    make_results(folder)


def make_results(folder: Path) -> None:
    """Add what no command line above has made: predictions, BUCC, a checkpoint without hashes."""
    shutil.copytree(folder / "run", folder / "unhashed")
    path = folder / CHECKPOINT / "progress.json"
    progress = json.loads(path.read_text(encoding="utf-8"))
    write(path, json.dumps(progress | {"files": {}, "hash": ""}))
    for name in ("fr", "en"):
        lines = [f"{name}-{number:09d}\t{line}" for number, line in enumerate(LINES)]
        for part in ("dev", "test"):
            write(folder / f"bucc/bucc2018/fr-en.{part}.{name}", "\n".join(lines))
    pairs = "".join(f"fr-{number:09d}\ten-{number:09d}\n" for number in range(len(LINES)))
    write(folder / "bucc/bucc2018/fr-en.dev.gold", pairs)
    write(folder / "bucc/labels/bucc2018/test-fr.tsv", pairs)
    for data in (folder / "xtreme", folder / "bucc"):
        shutil.copytree(data / "labels", folder / "predictions", dirs_exist_ok=True)
    gold = (folder / "xtreme/word-alignment/en-fr.gold").read_bytes()
    write(folder / "predictions/word-alignment/test-en-fr.tsv", gold)
    row = {"system": "x", "source": "y", "values": [65.4], "here": "a machine"}
    published = {"columns": ["a"], "measures": ["b"], "sources": {"y": "z"}, "rows": [row]}
    write(folder / "published.yaml", yaml.safe_dump(published))
    write(folder / "setting", "[{a: 1e-3}, {b: x}]")
    Stamp(folder / "results", "train").write("x", done=True)
    with chdir(folder):
        CachedEncoder(Encoder.load("model"), "model", Path("vectors")).encode(["the cat"])


def make_texts(folder: Path) -> None:
    """Write parallel text in each format, and word lists."""
    sides = [[line[side] for line in LINES] for side in (0, 1)]
    table = "".join(f"{a}\t{b}\n" for a, b in LINES)
    write(folder / "c.en-fr.tsv", table)
    write(folder / "zipped.en-fr.tsv.gz", gzip.compress(table.encode()))
    for name, lines in (("a.en", sides[0]), ("a.fr", sides[1]), ("a.ru", sides[1])):
        write(folder / name, "".join(f"{line}\n" for line in lines))
    units = "".join(
        f'<tu><tuv xml:lang="en"><seg>{a}</seg></tuv><tuv xml:lang="fr"><seg>{b}</seg></tuv></tu>\n'
        for a, b in LINES
    )
    write(folder / "m.tmx", f'<tmx version="1.4"><header/><body>\n{units}</body></tmx>\n')
    catalogue = polib.POFile()
    catalogue.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Language": "fr",
        "Plural-Forms": "nplurals=2; plural=(n > 1);",
    }
    for source, target in LINES:
        catalogue.append(polib.POEntry(msgid=source, msgstr=target))
    forms = {0: "%d maison", 1: "%d maisons"}
    catalogue.append(polib.POEntry(msgid="%d h", msgid_plural="%d hs", msgstr_plural=forms))
    catalogue.save(str(folder / "fr.po"))
    catalogue.save_as_mofile(str(folder / "fr.mo"))
    for locale, lines in (("en-US", sides[0]), ("fr", sides[1])):
        write(folder / "paks" / f"{locale}.pak", make_pak(lines))
    translations = [{"en": a, "fr": b} for a, b in LINES]
    pq.write_table(pa.table({"translation": translations}), folder / "nested.parquet")
    pq.write_table(pa.table({"en": sides[0], "fr": sides[1]}), folder / "flat.parquet")
    write(folder / "words.tsv", "".join(f"{a}\t{b}\n" for a, b, _ in DICTIONARY))
    write(folder / "labels/t.conll", "the\tO\ncat\tB-X\nsees\tO\n\nthe\tO\nking\tB-PER\n\n")
    rows = [{"text": "the cat sees", "spans": [[4, 7, "X"]]}, {"text": "the king", "spans": []}]
    write(folder / "labels/t.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    write(folder / "labels/t.html", 'the <b>cat</b> sees\nthe <i class="a">king</i>\n')
    write(folder / "labels/t.fr", "le chat voit\nle roi\n")
    write(folder / "labels/links", "0-0 1-1 2-2\n0-0 1-1\n")
    write(folder / "words.fr", "".join(f"{b}\n" for _, b, _ in DICTIONARY))
    write(folder / "words.en", "".join(f"{a}\n" for a, _, _ in DICTIONARY))


def make_pak(texts: Sequence[str]) -> bytes:
    """Chromium's string file, version 5."""
    raw = [text.encode() for text in texts]
    place = 12 + 6 * (len(raw) + 1)
    entries = b""
    for number, text in enumerate([*raw, b""]):
        entries += struct.pack("<HI", number + 1 if number < len(raw) else 0, place)
        place += len(text)
    return struct.pack("<IB3xHH", 5, 1, len(raw), 0) + entries + b"".join(raw)
