"""Labels of a text carried to its translation, through the links between their words.

Works on words, links and labels; no model is known here. :func:`~crosszero.projection.spans
.project_spans` is where to start reading.
"""

from crosszero.projection.rules import Dropped, Label, Rules
from crosszero.projection.spans import project_spans
from crosszero.projection.tags import project_tags

__all__ = ["Dropped", "Label", "Rules", "project_spans", "project_tags"]
