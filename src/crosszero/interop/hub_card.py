"""What the model card of a run says on the hub: its name there, licences, and measured scores."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard

from crosszero.errors import ConfigError, one_line, quote
from crosszero.experiment.scores import Scores
from crosszero.experiment.table import render_markdown
from crosszero.model.hashing import hash_encoder
from crosszero.training.model_card import NOT_STATED

_KINDS = {"xnli": "text-classification", "pawsx": "text-classification"}
_KINDS |= dict.fromkeys(("udpos", "panx", "word-alignment"), "token-classification")
_TEXTS = "| texts | {} |"
_TITLE = "By crosszero evaluate"
# The section that an earlier push has written: the table, and the note below it.
_OLD = re.compile(rf"\n## Results\n\n\*\*{_TITLE}\*\*\n\n(\|.*\n)+(\n.+(\n|\Z))?")


def complete_card(
    card: str,
    name: str,
    *,
    local: str = "",
    scores: Scores | None = None,
    license: str | None = None,  # noqa: A002  # the hub's word
    data_license: str | None = None,
) -> str:
    """Complete a model card for the hub.

    Args:
        card: the card as it is; one that crosszero did not write keeps its text.
        name: of the repository.
        local: name of the folder, which the examples of the card load.
        scores: of ``crosszero evaluate``; shown, and put into the header as the hub wants it.
        license: identifier of the model's licence, such as ``cc-by-4.0``.
        data_license: of the texts it was trained on.

    Raises:
        ConfigError: the header of the card is no YAML.
    """
    if local:
        for before, behind in (('("', '")'), ("\n# ", "\n")):
            card = card.replace(f"{before}{local}{behind}", f"{before}{name}{behind}")
    try:
        made = ModelCard(card)
    except Exception as error:  # PyYAML and huggingface_hub raise what they like
        raise ConfigError(f"README.md: its header can't be read: {one_line(error)}") from error
    data: Any = made.data
    if license is not None:
        data.license = license
    text = made.text
    if data_license is not None:
        stated, unknown = _TEXTS.format(data_license), _TEXTS.format(NOT_STATED)
        text = text.replace(unknown, stated)
        if stated not in text:
            text = f"{text.rstrip()}\n\nLicence of the texts it was trained on: {data_license}.\n"
    if scores:
        data.model_name = name
        data.eval_results = [
            EvalResult(
                task_type=_KINDS.get(score.task, "sentence-similarity"),
                dataset_type=score.task, dataset_name=score.task, dataset_config=score.language,
                metric_type=score.metric, metric_value=round(score.value, 4),
            )
            for score in scores
            if score.layer is None
        ]  # fmt: skip
        table = replace(scores.table(), title=_TITLE)
        old = _OLD.search(text)
        before, behind = (text[: old.start()], text[old.end() :]) if old else (text, "")
        text = f"{before.rstrip()}\n\n## Results\n\n{render_markdown(table)}\n{behind}"
    made.text = text
    return str(made)


def read_scores(path: str | Path, encoder: str | Path) -> Scores:
    """Read the ``scores.json`` of an encoder; ConfigError if it holds none, or those of another."""
    scores = Scores.read(path)
    if scores.encoder and scores.encoder != hash_encoder(encoder):
        raise ConfigError(
            f"{quote(str(path))}: are scores of another encoder than {encoder}, or it has changed "
            "since; run crosszero evaluate with it"
        )
    if not scores:
        raise ConfigError(
            f"{quote(str(path))}: holds no scores; give the scores.json of crosszero evaluate"
        )
    return scores
