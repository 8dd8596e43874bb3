"""Experiments as YAML files: recipes that people write, and the one in each folder of results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from crosszero.config import build, to_dict
from crosszero.errors import ConfigError
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.yaml_text import parse_yaml, read_yaml
from crosszero.files import atomic_file

SETTINGS = "experiment.yaml"  # in the folder of an experiment
OLD_SETTINGS = "suite.yaml"  # there, until version 0.1


def locate_recipe(name: str) -> Path:
    """Give the path of a recipe that comes with the package, such as ``demo``."""
    return Path(str(resources.files("crosszero") / "recipes" / f"{name}.yaml"))


def read_experiment(path: str | Path, changes: Sequence[str] = ()) -> ExperimentConfig:
    """Read and check the settings of an experiment, with changes such as ``train.steps=100``.

    Raises:
        ConfigError: no YAML, an unknown key (with a suggestion), or a value out of range.

    Example:
        >>> read_experiment("recipes/demo.yaml", ["train.steps=7"]).train["steps"]  # doctest: +SKIP
        7
    """
    values = read_yaml(path)
    names = [change.partition("=")[0] for change in changes]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"--set {twice[0]}: given twice; give it once")
    for name in names:
        if within := [other for other in names if other.startswith(f"{name}.")]:
            raise ConfigError(f"--set {within[0]}: {name} is given, too; write all of it there")
    for change in changes:
        set_value(values, change)
    if "evaluate" in values:
        raise ConfigError(f"{path}: evaluate: {_translate(values['evaluate'])}")
    return build(ExperimentConfig, values, where=str(path))


def set_value(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise ConfigError(f"--set {change}: write name=value, such as train.steps=100")
    *path, last = key.split(".")
    node: Any = values
    for part in path:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise ConfigError(f"--set {change}: {part} has no settings below it")
    node[last] = parse_yaml(text, f"--set {key}")


def _translate(old: Any) -> str:
    """What to write instead of the settings that recipes had until version 0.1."""
    old = old if isinstance(old, dict) else {}
    stems = [Path(str(stem)) for stem in old.get("alignment") or []]
    texts = {}
    for source in old.get("retrieval") or []:
        path = source["path"] if isinstance(source["path"], str) else source["path"][0]
        texts[Path(path).name] = source
    new = {
        "tasks": [
            *(["sentence-retrieval", "word-retrieval"] if old.get("held_out", True) else []),
            *(["tatoeba"] if old.get("tatoeba") else []),
            *texts,
            *(["word-alignment"] if stems else []),
        ],
        "data": old.get("tatoeba"),
        "languages": old.get("tatoeba_languages"),
        "alignment": str(stems[0].parent.parent) if stems else None,  # holds word-alignment/
        "alignment_pairs": [stem.name for stem in stems],
        "texts": texts,
        "max_length": old.get("max_length", 128),
    }
    said = []
    for key, value in new.items():
        if value:
            text = yaml.safe_dump(value, default_flow_style=True, width=9_999)
            said.append(f"{key}: {text.splitlines()[0]}")
    return f"its settings are at the top level now; write instead: {'; '.join(said)}"


def write_experiment(config: ExperimentConfig) -> None:
    """Save the settings in the folder of the experiment, so that its results can be read alone.

    Paths are made absolute, but for `out`, which is where the file stands.
    """
    from crosszero.model.loading import resolve_encoder  # torch is not needed to read recipes

    values = to_dict(config)
    for name in ("samples", "data", "alignment", "held_out", "published"):
        values[name] = _resolve_path(values[name])
    values["encoder"] = resolve_encoder(config.encoder)
    for system in values["systems"].values():
        system["samples"] = _resolve_path(system["samples"])
        if system["encoder"]:
            system["encoder"] = resolve_encoder(system["encoder"])
        if system["trained"]:  # a form with {seed} in it, so that nothing has that name
            system["trained"] = str(Path(system["trained"]).resolve())
    with atomic_file(Path(config.out) / SETTINGS) as file:
        yaml.safe_dump(values, file, allow_unicode=True, sort_keys=False)


def check_recipe(path: str | Path, config: ExperimentConfig) -> None:
    """Refuse (ConfigError) a recipe of one's own that the settings of its results would replace."""
    settings = Path(config.out) / SETTINGS
    same = os.path.realpath(settings) == os.path.realpath(path)
    if same and 2 * len(read_yaml(path)) < len(fields(config)):  # the results' own has all settings
        raise ConfigError(
            f"{path}: the results have a file of this name in 'out', with all settings, which "
            "would replace the recipe; give it another name, or choose another 'out'"
        )


def find_settings(folder: str | Path) -> Path | None:
    """The settings that a folder of results holds, if it holds any."""
    paths = (Path(folder) / name for name in (SETTINGS, OLD_SETTINGS))
    return next(filter(Path.is_file, paths), None)


def _resolve_path(path: str | None) -> str | None:
    return str(Path(path).resolve()) if path and Path(path).exists() else path
