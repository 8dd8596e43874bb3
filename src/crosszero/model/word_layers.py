"""Which hidden layer words are best linked by.

It lies in the middle: the last layers of an encoder speak of the whole sentence, the first ones of
spelling. Read at its best layer an encoder makes half the errors that first + last layer makes, so
that is what words are linked by where nobody says otherwise. A run that chose a layer for itself
keeps it in ``crosszero.json`` as ``alignment_layer``.

Which layer counts where words are linked: what the user says (`layer`, ``--layer``), what ``--layer
auto`` finds on the user's text (:mod:`crosszero.align.layer_choice`), that of the folder (found by
:mod:`crosszero.training.alignment_layer` at the end of training), that of the architecture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from crosszero.config import read_json
from crosszero.errors import CheckpointError
from crosszero.model.backbone import Backbone
from crosszero.model.loading import find_file
from crosszero.model.saving import OWN_SETTINGS


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
    """What ``crosszero.json`` says: ``None`` where nothing was chosen.

    Attributes:
        alignment_layer: by which words are linked, from 1.
        word_layer: that vectors of words are read from, as they were trained: from 1, -1 for the
            last.
    """

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
    """Give the layers that a run keeps in its folder.

    Args:
        name: ``crosszero-mini``, a folder or a hub id.
        backbone: what was loaded from there.

    Raises:
        CheckpointError: what the folder says is no layer of its model.
    """
    path = find_file(name, OWN_SETTINGS)
    known = read_json(path, dict[str, Any]) if path else {}
    for setting in OwnLayers._fields:
        layer = known.get(setting)
        last = setting == "word_layer" and layer == -1
        good = type(layer) is int and (last or 1 <= layer <= backbone.layers)
        if layer is not None and not good:
            raise CheckpointError(
                f"{path}: {setting}: {layer!r:.40} given; the model has layers 1 to "
                f"{backbone.layers}"
            )
    return OwnLayers(*(known.get(setting) for setting in OwnLayers._fields))
