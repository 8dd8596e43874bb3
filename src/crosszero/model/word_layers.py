"""Which layer of an encoder words are read from: the one place that decides it.

A layer in the middle tells words best: the last ones speak of the whole sentence, the first ones of
spelling. Read at its best layer an encoder makes half the alignment errors of first + last layer.

If the user names a layer (`layer`, ``--layer``), all words are read from it; ``--layer auto`` names
the one that suits the user's texts (:mod:`crosszero.align.layer_choice`). Otherwise

- words are **linked** (``align``, ``encode_subtokens``) by the ``alignment_layer`` of the folder's
  ``crosszero.json``, which training found at its end (:mod:`crosszero.training.alignment_layer`);
  without one by that of the architecture, :func:`find_alignment_layer`;
- the **vectors** of words (``encode_words``) are those of its ``word_layer``, which is the one that
  they were trained by, ``layers.word``; without one of first + last layer, as in the paper.

Two commands find words by a rule of their own: ``prepare`` with the words of an encoder by its
middle layer, and training that finds them again by ``refresh_layer``, else ``layers.word``, else
:func:`find_alignment_layer`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from crosszero.config import read_json
from crosszero.errors import CheckpointError
from crosszero.model.backbone import Backbone
from crosszero.model.loading import find_file
from crosszero.model.options import WordLayer, layer_number
from crosszero.model.parts import OWN_SETTINGS


class KnownLayer(NamedTuple):
    """The best layer of an encoder, and who found it.

    Attributes:
        kind: ``model_type`` of its config.json.
        layers, hidden_size, vocabulary: by which it is told from others of its kind; 0 for any.
        layer: which to read, from 1.
        source: where that was measured.
    """

    kind: str
    layers: int
    hidden_size: int
    vocabulary: int
    layer: int
    source: str


class OwnLayers(NamedTuple):
    """The layers of ``crosszero.json``, from 1, -1 for the last; ``None`` where none was chosen."""

    alignment_layer: int | None
    word_layer: int | None


KNOWN = (
    KnownLayer("bert", 12, 384, 0, 7, "multilingual-e5-small: docs/alignment.md"),
    KnownLayer("bert", 12, 768, 501_153, 6, "LaBSE: 5 to 8 (Dou & Neubig 2021 and others)"),
    KnownLayer("bert", 12, 0, 0, 8, "mBERT: Jalili Sabet et al. 2020, Dou & Neubig 2021"),
    KnownLayer("xlm-roberta", 12, 0, 0, 8, "XLM-R base: Jalili Sabet et al. 2020"),
    KnownLayer("modernbert", 22, 0, 0, 15, "mmBERT base: 14 to 17"),
    KnownLayer("modernbert", 6, 320, 0, 4, "crosszero-mini: docs/crosszero-mini.md"),
    KnownLayer("modernbert", 6, 256, 0, 6, "crosszero-mini before 2026-11-26"),
)
"""The first that fits counts."""


def choose_word_layers(
    backbone: Backbone, layer: WordLayer | None, own: OwnLayers
) -> tuple[WordLayer, int | None]:
    """Choose the layer that words are linked by, and that of their vectors.

    Args:
        layer: what the user asks for.
        own: what the encoder's folder says.

    Returns:
        Both layers; that of vectors is ``None`` for first + last.
    """
    if layer is not None:
        return layer, layer_number(layer)
    return own.alignment_layer or find_alignment_layer(backbone), own.word_layer


def find_alignment_layer(backbone: Backbone) -> int:
    """Look up the layer of an architecture; of one that is not known two thirds of its depth.

    Example:
        >>> find_alignment_layer(Backbone.load("crosszero-mini"))
        4
    """
    config = backbone.model.config
    size = getattr(config, "vocab_size", 0)
    shape = (config.model_type, backbone.layers, backbone.hidden_size, size)
    for known in KNOWN:
        if all(mine in (0, its) for mine, its in zip(known[:4], shape, strict=True)):
            return known.layer
    return max(1, round(2 * backbone.layers / 3))


def read_own_layers(name: str | Path, backbone: Backbone) -> OwnLayers:
    """Read the layers that an encoder's folder names; CheckpointError if its model lacks one."""
    path = find_file(name, OWN_SETTINGS)
    known = read_json(path, dict[str, Any]) if path else {}
    for setting in OwnLayers._fields:
        layer = known.get(setting)
        last = setting == "word_layer" and layer == -1
        there = type(layer) is int and (last or 1 <= layer <= backbone.layers)
        if layer is not None and not there:
            raise CheckpointError(
                f"{path}: {setting}: {layer!r:.40} given; the model has layers 1 to "
                f"{backbone.layers}"
            )
    return OwnLayers(*(known.get(setting) for setting in OwnLayers._fields))
