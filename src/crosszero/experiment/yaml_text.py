"""YAML that may come from anywhere: bounded in depth and size, and no setting named twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError

from crosszero.errors import ConfigError, quote

_DEEPEST, _MOST = 64, 20_000  # levels and values of a YAML file
_IMPOSSIBLE = frozenset({"\0", *map(chr, range(0xD800, 0xE000))})  # in no name and no text


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

    Nesting, and what aliases stand for when they are written out, are bounded.

    Raises:
        ConfigError: it is not YAML, is nested too deeply or too large, names a setting twice, or
            holds a character that no name can have, with `where` and the line.
    """
    loader = None
    try:
        loader = _Loader(text, where)
        return loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "a mistake"
        raise ConfigError(f"{place}: not valid YAML: {problem}") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        # such as a date in month 99, or a tag on a value that it does not fit
        raise ConfigError(f"{where}: not valid YAML: {error}") from error
    finally:
        if loader is not None:
            loader.dispose()


class _Loader(yaml.SafeLoader):
    """Looks at each node as soon as it is composed, before anything is made of it."""

    def __init__(self, text: str, where: str) -> None:
        super().__init__(text)
        self._where, self._depth = where, 0
        self._sizes: dict[int, int] = {}  # values that a finished node stands for

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if self._depth == _DEEPEST:  # YAML's loader itself would recurse until Python gives up
            raise ComposerError(None, None, f"more than {_DEEPEST} levels", event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if not isinstance(event, yaml.AliasEvent):
            self._sizes[id(node)] = self._measure(node)
        elif id(node) not in self._sizes:
            self._refuse(node, f"an alias expands to more than {_DEEPEST} levels")
        return node

    def _measure(self, node: Any) -> int:
        """Count the values of a node; aliases count as what they stand for."""
        if node.id == "scalar":
            if any(character in _IMPOSSIBLE for character in node.value):
                self._refuse(node, f"{quote(node.value)} has a character that is not text")
            return 1
        children, keys = node.value, set[str]()
        if node.id == "mapping":
            for key in (key for key, _ in node.value if key.id == "scalar"):
                if key.value in keys:  # the last would win, silently
                    self._refuse(key, f"{quote(key.value)} is given twice")
                keys.add(key.value)
            children = [child for pair in node.value for child in pair]
        size = 1 + sum(self._sizes[id(child)] for child in children)
        if size > _MOST:
            self._refuse(node, f"more than {_MOST:,} values after expanding aliases")
        return size

    def _refuse(self, node: Any, problem: str) -> None:
        raise ConfigError(f"{self._where}:{node.start_mark.line + 1}: {problem}")
