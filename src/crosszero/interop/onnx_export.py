"""An encoder as an ONNX model: one file for any runtime, with the tokeniser beside it.

The model reads ``input_ids`` and ``attention_mask``, (batch, length) of int64 each, and gives

- ``sentence_embedding``, (batch, width): unit vectors, pooled as the encoder's folder says;
- ``alignment_states``, (batch, length, H): the layer by which words are linked;
- ``word_states``, (batch, length, H): that of which the vectors of words are means.

``tokenizer.json`` cuts and pads texts as sentences need it, so that a few lines with onnxruntime
and tokenizers give the vectors. :class:`~crosszero.interop.OnnxEncoder` links words by it, too.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from crosszero.align.spans import Span
from crosszero.errors import CheckpointError, ConfigError, MissingExtraError, one_line
from crosszero.files import check_output
from crosszero.folders import atomic_folder
from crosszero.interop.onnx_encoder import LENGTH, MODEL, TOKENIZER, OnnxEncoder
from crosszero.model.encoder import Encoder
from crosszero.model.options import Pooling, WordLayer, layer_number
from crosszero.samples.gold import read_hashes, write_hashes

_LARGEST = 1_800_000_000  # bytes of weights; a file of ONNX holds 2 GiB, and more stand beside it
_NEAR = 1e-4
_TRIED = ["The house is small.", "a", "", "Le vieux roi a vu la mer, hier ; дом, 天气很好 البيت !"]


def export_onnx(
    encoder: str | Path,
    out: str | Path,
    *,
    pooling: Pooling | None = None,
    max_length: int | None = None,
    layer: WordLayer | None = None,
) -> None:
    """Write an encoder into a folder: ``model.onnx`` and ``tokenizer.json``.

    The model takes batches and texts of any size, in float32. Before the folder is there, vectors
    of some texts are compared with the encoder's own.

    Args:
        encoder: ``crosszero-mini``, a run folder, any model folder or a hub id.
        out: a new folder.
        pooling, max_length, layer: how texts are read; see :meth:`crosszero.Encoder.load`.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        CheckpointError: the encoder can't be loaded, or can't be given in ONNX.
        ConfigError: the folder is not empty.

    Example:
        >>> export_onnx("run", "run-onnx")                                  # doctest: +SKIP
    """
    check_output(out, inputs=[encoder], folder=True)
    if Path(out).is_dir() and any(Path(out).iterdir()):
        raise ConfigError(f"{out}: the folder is not empty; name a new one")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(error.name or "onnx", "onnx", "an export to ONNX") from error
    how = {"pooling": pooling, "max_length": max_length, "layer": layer}
    loaded = Encoder.load(encoder, device="cpu", precision="fp32", **how)  # type: ignore[arg-type]
    _check(loaded)
    with atomic_folder(out) as folder:
        _write_model(loaded, folder / MODEL)
        _write_tokenizer(loaded, folder / TOKENIZER)
        write_hashes(read_hashes(encoder), folder)
        with _quiet():
            _compare(loaded, OnnxEncoder(folder))


class _Graph(nn.Module):
    """What the file computes.

    Args:
        encoder: whose vectors it gives.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self._encoder = encoder
        self.backbone = encoder.backbone
        self.tail = nn.ModuleList(x for x in encoder.readout.tail if isinstance(x, nn.Module))
        self._special = encoder.backbone.tokenizer.num_special_tokens_to_add(pair=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        states = self.backbone(input_ids, attention_mask)
        readout = self._encoder.readout
        vectors = readout.pool([states.read(layer) for layer in readout.layers], attention_mask)
        # A text of which the tokeniser leaves nothing is similar to nothing.
        told = attention_mask.sum(dim=1, keepdim=True) > self._special
        return {
            "sentence_embedding": vectors * told,
            "alignment_states": states.read(layer_number(self._encoder.alignment_layer)).clone(),
            "word_states": states.read(self._encoder.word_layer).clone(),
        }


def _check(encoder: Encoder) -> None:
    """Refuse what a file of ONNX and a tokeniser can't do."""
    name, readout = encoder.backbone.name, encoder.readout
    if not encoder.backbone.tokenizer.is_fast:
        raise CheckpointError(f"{name}: has no fast tokeniser, so there is no tokenizer.json of it")
    if not encoder.backbone.pads:
        raise CheckpointError(f"{name}: its vectors depend on the padding, which ONNX can't help")
    if readout.prompt or readout.lower_case:
        asks = f"prompt {readout.prompt!r}" if readout.prompt else "lower case"
        raise CheckpointError(
            f"{name}: its folder asks for {asks} in sentences, but not in words; a tokenizer.json "
            "can't tell them apart"
        )


def _write_model(encoder: Encoder, path: Path) -> None:
    graph = _Graph(encoder).eval()
    ids = torch.from_numpy(np.resize(encoder.backbone.ordinary_ids, (2, 7)))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    sizes = {0: "batch", 1: "length"}
    weights = sum(p.numel() * p.element_size() for p in graph.parameters())
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                graph, (ids, mask), dynamo=True, verbose=False, optimize=True,
                input_names=["input_ids", "attention_mask"],
                output_names=["sentence_embedding", "alignment_states", "word_states"],
                dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
            )  # fmt: skip
            assert program is not None
            program.model.metadata_props[LENGTH] = str(encoder.max_length)
            program.save(path, external_data=weights > _LARGEST)
    except OSError:
        raise
    except Exception as error:  # exporters raise what they like
        name = encoder.backbone.name
        raise CheckpointError(f"{name}: can't be exported: {one_line(error)}") from error


def _write_tokenizer(encoder: Encoder, path: Path) -> None:
    own = encoder.backbone.tokenizer
    tokenizer = Tokenizer.from_str(own.backend_tokenizer.to_str())
    tokenizer.enable_truncation(encoder.sentence_length)
    tokenizer.enable_padding(pad_id=own.pad_token_id, pad_token=own.pad_token)
    path.write_text(tokenizer.to_str(), encoding="utf-8")


def _compare(encoder: Encoder, exported: OnnxEncoder) -> None:
    """See that both give the same vectors, of sentences and of words, or CheckpointError."""
    spans = [[Span(0, len(x) // 2), Span(len(x) // 2, len(x))] for x in _TRIED]
    pairs = [(encoder.encode(_TRIED), exported.encode(_TRIED))]
    ours, theirs = (one.encode_words(_TRIED, spans) for one in (encoder, exported))
    pairs += zip(ours, theirs, strict=True)
    parts = (one.encode_subtokens(_TRIED, spans) for one in (encoder, exported))
    pairs += [(own.vectors, other.vectors) for own, other in zip(*parts, strict=True)]
    for vectors, other in pairs:
        scale = max(1.0, float(np.abs(vectors).max(initial=0.0)))
        if not np.allclose(vectors, other, rtol=0, atol=_NEAR * scale):
            raise CheckpointError(
                f"{encoder.backbone.name}: exported, it gives other vectors; torch.onnx does not "
                "support what it computes"
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep off the terminal what the exporter tells its developers, and what our own check logs."""
    logs = [logging.getLogger(name) for name in ("torch.onnx", "crosszero")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
