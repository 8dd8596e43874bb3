"""YAML that may come from anywhere: bounded in depth and size, and no setting named twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    import yaml

    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        root = _compose(loader)
        _check_nodes(root, where)
        return None if root is None else loader.construct_document(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "a mistake"
        raise ConfigError(f"{place}: not valid YAML: {problem}") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        # such as a date in month 99, or a tag on a value that it does not fit
        raise ConfigError(f"{where}: not valid YAML: {error}") from error
    finally:
        loader.dispose()


def _compose(loader: Any) -> Any:
    """The tree of a document; YAML's loader itself would recurse until Python gives up."""
    from yaml.composer import ComposerError

    compose, depth = loader.compose_node, 0

    def compose_node(parent: Any, index: Any) -> Any:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            mark = loader.peek_event().start_mark
            raise ComposerError(None, None, f"more than {_DEEPEST} levels", mark)
        node = compose(parent, index)
        depth -= 1
        return node

    loader.compose_node = compose_node
    return loader.get_single_node()


def _check_nodes(root: Any, where: str) -> None:
    """See that keys are not repeated (the last would win, silently) and that aliases are few."""
    sizes: dict[int, int] = {}  # values that a node stands for
    open_nodes: set[int] = set()

    def visit(node: Any, depth: int) -> int:
        line = f"{where}:{node.start_mark.line + 1}"
        if id(node) in open_nodes or depth > _DEEPEST:
            raise ConfigError(f"{line}: an alias expands to more than {_DEEPEST} levels")
        if (known := sizes.get(id(node))) is not None:
            return known
        if node.id == "scalar":
            if any(character in _IMPOSSIBLE for character in node.value):
                raise ConfigError(f"{line}: {quote(node.value)} has a character that is not text")
            return sizes.setdefault(id(node), 1)
        open_nodes.add(id(node))
        children, keys = node.value, set[str]()
        if node.id == "mapping":
            for key, _ in node.value:
                if key.id == "scalar" and key.value in keys:
                    at = f"{where}:{key.start_mark.line + 1}"
                    raise ConfigError(f"{at}: {quote(key.value)} is given twice")
                keys.add(key.value if key.id == "scalar" else "")
            children = [child for pair in node.value for child in pair]
        size = 1 + sum(visit(child, depth + 1) for child in children)
        open_nodes.discard(id(node))
        if size > _MOST:
            raise ConfigError(f"{line}: more than {_MOST:,} values after expanding aliases")
        return sizes.setdefault(id(node), size)

    if root is not None:
        visit(root, 0)
