"""An encoder of 4-bit weights in one small file, for a machine that nothing can be downloaded to.

    python -m research.e5_travel pack models/e5-mine e5.zip
    python -m research.e5_travel unpack e5.zip models/e5-mine

Unpacked, every file is the same byte for byte. Weights that are no multiples of a scale, such as
biases, travel as they are. multilingual-e5-small takes 27 MB instead of 202, trimmed to the text of
seven languages.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from crosszero.folders import atomic_folder
from research.e5_weights import BLOCK, Floats, dequantise

_WEIGHTS = "model.safetensors"


def pack(folder: Path, out: Path) -> None:
    """Write a model folder as one file."""
    with zipfile.ZipFile(out, "w") as archive:
        for name, weights in load_file(folder / _WEIGHTS).items():
            sizes = "x".join(map(str, weights.shape))
            parts = quantise(weights) if weights.ndim == 2 else None
            if parts is None:
                _add(archive, f"raw/{name}/{sizes}", weights.tobytes(), zipfile.ZIP_LZMA)
                continue
            scales, codes = parts
            _add(archive, f"scales/{name}/{sizes}", scales, zipfile.ZIP_LZMA)
            # a code of Huffman's for each weight: nothing in them repeats, so LZ would find nothing
            coder = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
            _add(archive, f"codes/{name}", coder.compress(codes) + coder.flush())
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != _WEIGHTS:
                name = f"file/{path.relative_to(folder)}"
                _add(archive, name, path.read_bytes(), zipfile.ZIP_LZMA)
        digest = hashlib.sha256((folder / _WEIGHTS).read_bytes()).hexdigest()
        _add(archive, "sha256", digest.encode())


def unpack(source: Path, out: Path) -> None:
    """Write the model folder again; SystemExit if its weights are other ones."""
    tensors: dict[str, Floats] = {}
    with zipfile.ZipFile(source) as archive, atomic_folder(out) as folder:
        for entry in archive.namelist():
            kind, _, rest = entry.partition("/")
            content = archive.read(entry)
            if kind == "file":
                (folder / rest).parent.mkdir(parents=True, exist_ok=True)
                (folder / rest).write_bytes(content)
            elif kind in ("raw", "scales"):
                name, _, text = rest.partition("/")
                sizes = [int(size) for size in text.split("x")]
                if kind == "raw":
                    tensors[name] = np.frombuffer(content, np.float32).reshape(sizes)
                    continue
                scales = np.frombuffer(content, np.uint8).reshape(2, -1).T
                codes = zlib.decompress(archive.read(f"codes/{name}"))
                halves = np.frombuffer(codes, np.uint8).reshape(-1, 2, BLOCK // 2)
                blocks = np.hstack([scales, halves[:, 0] | halves[:, 1] << 4])
                tensors[name] = dequantise(blocks.tobytes(), *sizes)
        save_file(tensors, folder / _WEIGHTS, metadata={"format": "pt"})
        digest = hashlib.sha256((folder / _WEIGHTS).read_bytes()).hexdigest()
        if digest != archive.read("sha256").decode():
            sys.exit(f"{source}: its weights are not those that were packed")


def quantise(weights: Floats) -> tuple[bytes, bytes] | None:
    """Give the scales and codes of a matrix, or ``None`` where they would not give it exactly.

    The weight of a block that is furthest from zero has the code 0, which stands for -8.

    Returns:
        All lower bytes of the float16 scales, then all upper ones; and a byte for each code.
    """
    if weights.shape[1] % BLOCK:
        return None
    blocks = weights.reshape(-1, BLOCK)
    furthest = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(axis=1)]
    scales = (furthest / -8).astype("<f2")
    wide = scales.astype(np.float32)[:, None]
    codes = np.rint(np.divide(blocks, wide, where=wide != 0, out=np.zeros_like(blocks))) + 8
    codes = codes.clip(0, 15).astype(np.uint8)
    if ((codes.astype(np.float32) - 8) * wide).tobytes() != blocks.tobytes():
        return None
    return scales.view(np.uint8).reshape(-1, 2).T.tobytes(), codes.tobytes()


def _add(
    archive: zipfile.ZipFile, name: str, content: bytes, way: int = zipfile.ZIP_STORED
) -> None:
    archive.writestr(zipfile.ZipInfo(name), content, compress_type=way)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("do", choices=("pack", "unpack"))
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    {"pack": pack, "unpack": unpack}[arguments.do](arguments.source, arguments.out)


if __name__ == "__main__":
    main()
