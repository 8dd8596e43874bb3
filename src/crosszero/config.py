"""Configurations: frozen dataclasses that recipes, JSON and the command line fill.

A key that a dataclass does not have is an error with a suggestion: a misspelt ``temprature`` must
not silently leave the default in force.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from crosszero.errors import ConfigError, DataError, quote, suggest

T = TypeVar("T")
TOO_LARGE = 10**18  # a whole number that nobody means, and that not every library can take


def read_json(path: str | Path, kind: type[T], remedy: str = "") -> T:
    """Read JSON that crosszero wrote, and see that it has the shape it was written in.

    Args:
        path: the file.
        kind: a dataclass, or a type such as ``list[int]`` or ``dict[str, Any]``.
        remedy: what to do about a damaged file, for the message.

    Raises:
        DataError: the file can't be read, is not JSON, or is of another shape.

    Example:
        >>> read_json("run/training.json", dict[str, Any])["loss"]      # doctest: +SKIP
        'cz-nce'
    """
    try:
        return parse_json(Path(path).read_bytes(), kind)
    except OSError as error:
        raise DataError(path, f"can't be read ({error.strerror})") from error
    except ValueError as error:
        advice = f"; {remedy}" if remedy else ""
        raise DataError(path, f"damaged ({error}){advice}") from error


def parse_json(text: str | bytes, kind: type[T]) -> T:
    """As :func:`read_json`, for text.

    Raises:
        ValueError: it is not JSON (NaN and Infinity are not), or of another shape.
    """
    try:
        content = json.loads(text, parse_constant=_refuse, parse_float=_read_float)
        value: T = _convert(content, kind, "content")
    except ConfigError as error:
        raise ValueError(str(error)[:200]) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _read_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{quote(text)} is too large")
    return value


def build(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Make a dataclass from plain values, nested dataclasses included.

    Args:
        cls: a dataclass; its ``__post_init__`` may raise ConfigError for values out of range. A
            class variable ``OLD_NAMES`` says what became of settings that it had, and a static
            method ``renew`` gives values that an older version wrote the names of today.
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
        raise ConfigError(f"{prefix}{values!r} given; settings are written as 'name: value'")
    values = getattr(cls, "renew", dict)(values)
    hints = get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            advice = getattr(cls, "OLD_NAMES", {}).get(key) or suggest(str(key)[:80], fields)
            raise ConfigError(f"{prefix}unknown setting {quote(str(key))}: {advice}")
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


def require(name: str, value: object, holds: bool, allowed: str) -> None:
    """Refuse a value that a setting can't have: ConfigError says which it can."""
    if not holds:
        raise ConfigError(f"{name}: {value} given; it must be {allowed}")


def require_count(name: str, value: object) -> None:
    """Refuse (ConfigError) what is no whole number from 1; one of NumPy is."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    require(name, repr(value), whole, "a whole number")
    require(name, value, value >= 1, "1 or more")  # type: ignore[operator]


def require_seed(seed: int) -> None:
    """Refuse (ConfigError) a seed that not all generators of random numbers take."""
    require("seed", seed, 0 <= seed < 2**32, "0 or more, and below 2^32")


def check_finite(config: Any, *, positive: Sequence[str], natural: Sequence[str]) -> None:
    """See that some settings are above 0, and others 0 or more, and all of them finite."""
    for name in positive:
        value = getattr(config, name)
        require(name, value, 0 < value < math.inf, "above 0 and finite")
    for name in natural:
        value = getattr(config, name)
        require(name, value, 0 <= value < math.inf, "0 or more and finite")


def _convert(value: Any, hint: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value not in arguments:
            names = [str(a) for a in arguments]
            raise ConfigError(f"{where}: {quote(value)} given; {suggest(str(value)[:80], names)}")
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(value, arguments, where)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return build(hint, value, where)
    if origin in (list, tuple):
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: {quote(value)} given; a list is needed")
        made = [_convert(v, arguments[0], f"{where}[{i}]") for i, v in enumerate(value)]
        return tuple(made) if origin is tuple else made
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: {quote(value)} given; 'name: value' lines are needed")
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
    if hint is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):  # YAML 1.1 reads 1e-5 (no dot) as text
            if math.isfinite(number := float(value)):
                return number
    elif hint is int and type(value) is int:
        if abs(value) >= TOO_LARGE:
            raise ConfigError(f"{where}: {quote(value, limit=20)} is too large")
        return value
    elif hint is Any or (isinstance(value, hint) and hint is not int):
        return value
    finite = hint is float and isinstance(value, float)
    kind = "a finite number" if finite else names.get(hint, str(hint))
    raise ConfigError(f"{where}: {quote(value)} given; {kind} is needed")


def to_dict(config: Any) -> dict[str, Any]:
    """The plain values of a configuration, for YAML and JSON."""
    return dataclasses.asdict(config)
