"""What a recipe says: one YAML file for the whole chain, from text to the page with the numbers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from crosszero.bitext import BitextConfig
from crosszero.config import build, parse_yaml, read_yaml
from crosszero.errors import ConfigError
from crosszero.samples.prepare_config import FinderConfig
from crosszero.training.train_config import TrainConfig

INTERFACE_STRINGS = "qtwebengine-interface-strings"
"""As a path: the strings in the installed package PyQt6-WebEngine-Qt6 (extra ``demo``)."""


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """How samples are made from text.

    Attributes:
        hold_out: meanings (pairs or multi-way lines) kept from training, to measure on.
        deduplicate: leave out pairs that came before.
        max_length: longest text in characters.
        seed: for the draw of the held-out texts.
    """

    hold_out: int = 0
    deduplicate: bool = False
    max_length: int = 2000
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """What is measured before and after training.

    Attributes:
        held_out: sentence and word retrieval on the held-out samples.
        tatoeba: folder in XTREME's layout that holds ``tatoeba``.
        tatoeba_languages: which of its languages; none: all that are there.
        retrieval: further multi-way texts for sentence retrieval, English against the others.
        alignment: stems of gold word alignments (``STEM.src``, ``.tgt``, ``.gold``);
            ``STEM:0`` or ``STEM:1`` says from which number its words are counted.
        max_length: tokens of a text.
    """

    held_out: bool = True
    tatoeba: str | None = None
    tatoeba_languages: list[str] | None = None
    retrieval: list[BitextConfig] = field(default_factory=list)
    alignment: list[str] = field(default_factory=list)
    max_length: int = 128


@dataclass(frozen=True, kw_only=True)
class RecipeConfig:
    """The whole chain.

    Attributes:
        name: of the page.
        out: folder for everything that is made.
        encoder: ``crosszero-mini``, a folder or a hub id.
        bitext: sources of parallel text.
        prepare: how samples are made.
        words: how word pairs are found.
        train: settings of training.
        evaluate: what is measured.
        page: write report.html.
    """

    name: str
    out: str
    bitext: list[BitextConfig]
    encoder: str = "crosszero-mini"
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    words: FinderConfig = field(default_factory=FinderConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    page: bool = True

    def __post_init__(self) -> None:
        if not self.bitext:
            raise ConfigError("bitext: at least one source of parallel text is needed")
        if self.evaluate.held_out and not self.prepare.hold_out:
            raise ConfigError(
                "evaluate: held_out needs prepare: hold_out above 0; or set evaluate: "
                "held_out: false"
            )


def locate_recipe(name: str) -> Path:
    """Give the path of a recipe that comes with the package: ``demo`` or ``paper``."""
    return Path(str(resources.files("crosszero") / "recipes" / f"{name}.yaml"))


def read_recipe(path: str | Path) -> RecipeConfig:
    """Read and check a recipe.

    Raises:
        ConfigError: no YAML, an unknown key (with a suggestion), or a value out of range.

    Example:
        >>> read_recipe("recipes/demo.yaml").train.loss             # doctest: +SKIP
        'cz-nce'
    """
    return build(RecipeConfig, read_yaml(path), where=str(path))


def override(recipe: RecipeConfig, settings: list[str]) -> RecipeConfig:
    """Change single settings of a recipe.

    Args:
        recipe: the recipe.
        settings: ``train.steps=100`` and the like; values are read as YAML.

    Raises:
        ConfigError: no such setting, or a value that is not allowed.

    Example:
        >>> recipe = RecipeConfig(name="x", out="x", bitext=[BitextConfig(path="a.tsv")],
        ...                       evaluate=EvaluateConfig(held_out=False))
        >>> override(recipe, ["train.steps=7"]).train.steps
        7
    """
    values: dict[str, Any] = dataclasses.asdict(recipe)
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator:
            raise ConfigError(f"--set {setting}: name=value is needed, such as train.steps=100")
        *path, last = key.split(".")
        node: Any = values
        for part in path:
            if not isinstance(node, dict) or part not in node:
                raise ConfigError(f"--set {setting}: the recipe has no part {part!r}")
            node = node[part]
        if not isinstance(node, dict):
            raise ConfigError(f"--set {setting}: {'.'.join(path)} has no settings below it")
        node[last] = parse_yaml(text, f"--set {key}")
    return build(RecipeConfig, values, where="--set")
