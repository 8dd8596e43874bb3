"""The model card of a run: what was trained on what, how, and how to load it."""

from __future__ import annotations

from pathlib import Path

from crosszero import __version__
from crosszero.config import to_dict
from crosszero.model.backbone import Backbone
from crosszero.samples.store import SampleStore
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.train_config import TrainConfig


def write_card(
    backbone: Backbone, store: SampleStore, config: TrainConfig, *, steps: int, out: Path
) -> str:
    """Write the Markdown of a run's model card.

    `out` is the run folder, for its name and its metrics.
    """
    metrics = read_metrics(out / METRICS)
    mean = sum(int(line["texts"]) for line in metrics) / max(1, len(metrics))
    sentences = round(mean * steps)
    pairs = store.metadata.get("language_pairs", {})
    kind = "[sentence ; word]" if config.level == "multi" else "sentence"
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "language:",
        *(f'- "{code}"' for code in store.languages),
        "tags: [crosszero, cross-lingual, word-alignment]",
        "---",
        "",
        f"# {out.resolve().name}",
        "",
        f"`{backbone.name}` after {steps} steps of crosszero {__version__} on {store.rows} "
        f"sentence pairs (about {sentences} sentences read): contrastive loss {config.loss} on "
        f"{kind} vectors, masked language modelling with weight {config.mlm_weight}.",
        "",
        "```python",
        "from transformers import AutoModel",
        "from sentence_transformers import SentenceTransformer",
        "",
        f'model = AutoModel.from_pretrained("{out.name}")',
        f'encoder = SentenceTransformer("{out.name}")',
        "```",
        "",
        "| language pair | sentence pairs |",
        "|---|---|",
        *(f"| {pair} | {count} |" for pair, count in pairs.items()),
        "",
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in to_dict(config).items()),
        "",
        "The licence of this model follows from those of the encoder it was made from and of the "
        "texts it was trained on.",
        "",
    ]
    return "\n".join(lines)
