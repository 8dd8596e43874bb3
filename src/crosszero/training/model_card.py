"""The model card of a run: what was trained on what, how, and how to load it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData, hf_hub_download

from crosszero import __version__
from crosszero.config import to_dict
from crosszero.model.backbone import Backbone
from crosszero.model.loading import find_folder
from crosszero.model.options import BUNDLED, LayerName
from crosszero.samples.store import SampleStore
from crosszero.training.metrics import METRICS, read_metrics
from crosszero.training.train_config import TrainConfig

NOT_STATED = "not stated"
_HUB_ID = re.compile(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_LISTED = 20  # files of text
_LOSSES = {
    "contrastive loss": "contrastive_loss",
    "word loss": "word_loss",
    "MLM loss": "mlm_loss",
    "drift": "drift",
}


def write_card(
    backbone: Backbone, store: SampleStore, config: TrainConfig, *, steps: int, out: Path
) -> str:
    """Write the Markdown of a run's model card.

    `out` is the run folder, for its name and its metrics. No path of this machine is told: the card
    goes wherever the model goes.
    """
    metrics = read_metrics(out / METRICS)
    mean = sum(int(line["texts"]) for line in metrics) / max(1, len(metrics))
    start, hub_id = _name_start(backbone.name)
    name = out.resolve().name
    data = ModelCardData(
        library_name="sentence-transformers", pipeline_tag="sentence-similarity",
        language=store.languages, base_model=hub_id,
        tags=["crosszero", "cross-lingual", "word-alignment"],
    )  # fmt: skip
    losses = {}
    for label, key in _LOSSES.items():
        # a batch without two words in a sentence pair has no word loss
        known = [line[key] for line in metrics if line.get(key) is not None]
        if known:
            losses[label] = f"{known[0]:.3f} → {known[-1]:.3f}"
    return "\n".join([
        f"---\n{data.to_yaml()}\n---",
        "",
        f"# {name}",
        "",
        f"`{start}` after {steps} steps of crosszero {__version__} on {store.rows} "
        f"sentence pairs (about {round(mean * steps)} sentences read): "
        f"{_describe_losses(config, words='word loss' in losses)}.",
        "",
        "## Use",
        "",
        _USE.replace("NAME", name),
        "",
        "## Data",
        "",
        f"Text: {_list_texts(store)}.",
        "",
        *_table(("language pair", "sentence pairs"), store.metadata.get("language_pairs", {})),
        "",
        "## Licences",
        "",
        *_table(("what", "licence"), {
            f"`{start}`": find_license(backbone.name) or NOT_STATED, "texts": NOT_STATED,
        }),
        "",
        "The licence of this model follows from both.",
        "",
        "## Training",
        "",
        *_table(("setting", "value"), to_dict(config) | losses),
        "",
    ])  # fmt: skip


_USE = """\
```python
import crosszero as cz

encoder = cz.Encoder.load("NAME")
vectors = encoder.encode(["Good morning.", "Bonjour."])
links = encoder.align("The house is small.", "La maison est petite.")
```

```python
from sentence_transformers import SentenceTransformer

vectors = SentenceTransformer("NAME").encode(["Good morning.", "Bonjour."])
```

```python
from transformers import AutoModel, AutoTokenizer

model, tokenizer = AutoModel.from_pretrained("NAME"), AutoTokenizer.from_pretrained("NAME")
```"""


def _describe_losses(config: TrainConfig, *, words: bool) -> str:
    """Say what was learned from what, with which weight; whether `words` with level ``split``."""
    kind = "[sentence ; word] vectors" if config.level == "multi" else "sentence vectors"
    if config.level == "split":
        kind += f" ({_name_layer(config.layers.sentence)})"
    if config.level == "split" and words:
        kind += (
            f" and, with weight {config.word_weight}, on "
            f"word vectors ({_name_layer(config.layers.word)}), each against the other words of "
            "its sentence pair"
        )
    said = f"contrastive loss {config.loss} on {kind}, masked language modelling with weight "
    said += str(config.mlm_weight)
    if config.anchor_weight:
        said += (
            f", and an anchor with weight {config.anchor_weight}, which keeps sentence vectors "
            "near where they were before training"
        )
    return said


def _name_layer(layer: LayerName | int) -> str:
    if isinstance(layer, int):
        return f"layer {layer}"
    return "first + last layer" if layer == "first-last" else "last layer"


def find_license(name: str) -> str | None:
    """Look up what the model card of an encoder says of its licence, if that can be read."""
    hub = None if Path(name).exists() else _HUB_ID.fullmatch(name)
    with suppress(Exception):  # no card, no network, no YAML: then it is not known
        if hub:
            path = Path(hf_hub_download(hub[1], "README.md", revision=hub[2]))
        else:
            path = find_folder(name) / "README.md"
        found = ModelCard.load(path).data.license
        return str(found) if found else None
    return None


def _name_start(name: str) -> tuple[str, str | None]:
    """What a stranger may know the encoder by, and its name on the hub."""
    hub = _HUB_ID.fullmatch(name)
    if hub and not Path(name).exists():
        return name, hub[1]
    return (name if name in BUNDLED else Path(name).name), None


def _list_texts(store: SampleStore) -> str:
    """Names of the files and data sets that the sentence pairs come from, without folders."""
    names = sorted({Path(source).name for source in store.list_sources() if source})
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(f"`{name}`" for name in names[:_LISTED]) + more or NOT_STATED


def _table(columns: Sequence[str], rows: dict[str, object]) -> Iterable[str]:
    return [
        f"| {' | '.join(columns)} |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows.items()),
    ]  # fmt: skip
