"""Configurations: frozen dataclasses that YAML and the command line fill, with errors for people.

A key that a dataclass does not have is an error with a suggestion: a misspelt ``temprature`` must
not silently leave the default in force.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from crosszero.errors import ConfigError, suggest

T = TypeVar("T")


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping.

    Raises:
        ConfigError: the file is missing, is not YAML (with its line), or holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigError(f"{path}: can't be read ({reason})") from error
    content = parse_yaml(text, str(path))
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: settings as 'name: value' lines are needed at the top level")
    return content


def parse_yaml(text: str, where: str) -> Any:
    """Read YAML text.

    Raises:
        ConfigError: it is not YAML, or names a setting twice, with `where` and the line.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        try:
            _check_keys(loader.get_single_node(), where)
        finally:
            loader.dispose()
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        problem = getattr(error, "problem", None) or "a mistake"
        raise ConfigError(f"{place}: not valid YAML: {problem}") from error
    except ValueError as error:  # such as a date in month 99
        raise ConfigError(f"{where}: not valid YAML: {error}") from error


def _check_keys(root: Any, where: str) -> None:
    """YAML's loader lets the last of two equal keys win, silently."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node is None or node.id == "scalar" or id(node) in seen:
            continue
        seen.add(id(node))  # an alias leads to the same node, even to one above it
        keys: set[str] = set()
        for child in node.value:
            if node.id == "mapping":
                key, child = child
                if key.id == "scalar" and key.value in keys:
                    line = key.start_mark.line + 1
                    raise ConfigError(f"{where}:{line}: {key.value!r} stands there a second time")
                keys.add(key.value if key.id == "scalar" else "")
            waiting.append(child)


def build(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Make a dataclass from plain values, nested dataclasses included.

    Args:
        cls: a dataclass; its ``__post_init__`` may raise ConfigError for values out of range.
        values: what YAML gave.
        where: put before every message, such as ``demo.yaml: train``.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type.

    Example:
        >>> @dataclasses.dataclass(frozen=True, kw_only=True)
        ... class Size:
        ...     width: int = 3
        >>> build(Size, {"widht": 4})
        Traceback (most recent call last):
        ...
        crosszero.errors.ConfigError: unknown setting 'widht': did you mean 'width'? Allowed: width
    """
    prefix = f"{where}: " if where else ""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{prefix}settings as 'name: value' are needed, given {values!r}")
    hints = get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ConfigError(f"{prefix}unknown setting {str(key)!r}: {suggest(str(key), fields)}")
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in values:
            raise ConfigError(f"{prefix}the setting {name!r} is missing")
    made = {
        key: _convert(value, hints[key], f"{where}: {key}" if where else key)
        for key, value in values.items()
    }
    try:
        return cls(**made)
    except ConfigError as error:
        raise ConfigError(f"{prefix}{error}") if where else error from error


def _convert(value: Any, hint: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value not in arguments:
            names = [str(a) for a in arguments]
            raise ConfigError(f"{where}: {value!r} given; {suggest(str(value), names)}")
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(value, arguments, where)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return build(hint, value, where)
    if origin in (list, tuple):
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: a list is needed, given {value!r}")
        made = [_convert(v, arguments[0], f"{where}[{i}]") for i, v in enumerate(value)]
        return tuple(made) if origin is tuple else made
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: 'name: value' lines are needed, given {value!r}")
        return {str(k): _convert(v, arguments[1], f"{where}: {k}") for k, v in value.items()}
    return _convert_plain(value, hint, where)


def _convert_union(value: Any, arguments: tuple[Any, ...], where: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    problems = []
    for argument in arguments:
        if argument is type(None):
            continue
        try:
            return _convert(value, argument, where)
        except ConfigError as error:
            problems.append(error)
    raise ConfigError("; or ".join(dict.fromkeys(map(str, problems))))


def _convert_plain(value: Any, hint: Any, where: str) -> Any:
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    if hint is float and isinstance(value, str):
        # YAML 1.1 reads 1e-5 (no dot) as text.
        try:
            return float(value)
        except ValueError:
            pass
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    if hint is Any or (isinstance(value, hint) and not (hint is int and isinstance(value, bool))):
        return value
    raise ConfigError(f"{where}: {names.get(hint, str(hint))} is needed, given {value!r}")


def to_dict(config: Any) -> dict[str, Any]:
    """The plain values of a configuration, for YAML and JSON."""
    return dataclasses.asdict(config)
