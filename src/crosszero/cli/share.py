"""The commands that hand an encoder on: push, export."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from crosszero.cli.flags import MaxLength, Out, SentencePooling

_log = logging.getLogger("crosszero")


def push(
    run: str,
    name: str,
    /,
    *,
    private: bool = False,
    revision: str = "main",
    message: str = "Upload with crosszero",
    scores: Path | None = None,
    license: str | None = None,  # noqa: A002  # the hub's word
    data_license: str | None = None,
) -> None:
    """Upload a run or a model folder to the Hugging Face hub.

    Example: crosszero push run user/aligned-en-fr --private

    Parameters
    ----------
    run
        The folder.
    name
        The repository, user/name; it is made if it is not there.
    private
        Let nobody else see a new repository.
    revision
        Branch.
    message
        Of the commit.
    scores
        The scores.json of an evaluation, to be shown on the model card.
    license
        Identifier of the model's licence on the hub, such as cc-by-4.0.
    data_license
        What the model card is to say of the texts that the model was trained on.
    """
    from crosszero.interop.hub import push as upload

    address = upload(
        run, name, private=private, revision=revision, message=message, scores=scores,
        license=license, data_license=data_license,
    )  # fmt: skip
    sys.stdout.write(f"{address}\n")


def export(
    encoder: str,
    /,
    *,
    out: Out,
    pooling: SentencePooling = None,
    layer: int | None = None,
    max_length: MaxLength = None,
) -> None:
    """Write an encoder as an ONNX model, for onnxruntime and other runtimes.

    Example: crosszero export run --out run-onnx

    Parameters
    ----------
    encoder
        crosszero-mini, a folder or a hub id, as it is or with @revision.
    out
        A new folder for model.onnx and tokenizer.json. The model gives the vectors of sentences and
        the hidden states that words are linked by, and takes batches and texts of any size.
    layer
        Hidden layer to read, from 1, by sentences and words.
    """
    from crosszero.interop import export_onnx

    export_onnx(encoder, out, pooling=pooling, max_length=max_length, layer=layer)
    size = sum(path.stat().st_size for path in Path(out).iterdir())
    _log.info("%s: %.0f MB; onnxruntime and tokenizers read it", out, size / 1e6)
