"""Encoders and links in other libraries: mteb, ONNX, spaCy, OpusFilter. Each needs its extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosszero.names import import_when_used

if TYPE_CHECKING:
    from crosszero.interop.mteb_encoder import MtebEncoder as MtebEncoder
    from crosszero.interop.onnx_encoder import OnnxEncoder as OnnxEncoder
    from crosszero.interop.onnx_export import export_onnx as export_onnx
    from crosszero.interop.spacy_links import link_docs as link_docs

_HOMES = {
    "MtebEncoder": "mteb_encoder",
    "OnnxEncoder": "onnx_encoder",
    "export_onnx": "onnx_export",
    "link_docs": "spacy_links",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = import_when_used(__name__, _HOMES)
