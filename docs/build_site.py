"""Build the documentation as a site in site/ that loads nothing from elsewhere.

    python docs/build_site.py

The pages are gathered in build/pages: README as the first one, docs/ as it is, and a page for each
other file of the repository that a page links to, so that no link leaves the site. Equations become
MathML, which browsers draw without a script. Then zensical builds them (zensical.toml), and a link
that leads nowhere is an error.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from os.path import normpath, relpath
from pathlib import Path, PurePosixPath

from latex2mathml.converter import convert

ROOT = Path(__file__).parents[1]
NAMES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
NOT_SEARCHED = "---\nsearch:\n  exclude: true\n---\n"
COPIED = {".png", ".svg", ".css"}
LANGUAGES = {".py": "python", ".yaml": "yaml", ".toml": "toml", ".json": "json"}
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)\s#]+)(#[^)\s]*)?(?=\))")
CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.M | re.S)
COMMENT = re.compile(r"^<!--.*?-->\n", re.M)
DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.S)
INLINE = re.compile(r"(?<![\w$])\$(?=\S)([^$]+?)(?<=\S)\$(?![\w$])")


def place(name: str) -> str:
    """Where a file of the repository stands among the pages."""
    if name in NAMES:
        return NAMES[name]
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    return f"source/{name.removesuffix('.md')}.md"


def gather(pages: Path) -> None:
    """Write every page, and the files that they link to, into the folder `pages`."""
    shutil.rmtree(pages, ignore_errors=True)
    docs = [path for path in (ROOT / "docs").rglob("*") if path.suffix in {".md", *COPIED}]
    waiting = [*NAMES, *(path.relative_to(ROOT).as_posix() for path in docs)]
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        path, page = ROOT / name, pages / place(name)
        page.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in COPIED:
            shutil.copy(path, page)
            continue
        links: set[str] = set()
        page.write_text(make_page(name, links.add), encoding="utf-8")
        waiting += sorted(links - seen)
        seen |= links


def make_page(name: str, found: Callable[[str], None]) -> str:
    """The page of a file: Markdown with its links turned, other files as code, folders as lists."""
    path = ROOT / name
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix in LANGUAGES)
        text = f"# {name}\n\n" + "\n".join(f"- [{file}]({name}/{file})" for file in inside) + "\n"
        return turn_links(text, PurePosixPath(), place(name), found)
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return f"{NOT_SEARCHED}# {name}\n\n``````{LANGUAGES.get(path.suffix, '')}\n{text}``````\n"
    parts = CODE.split(COMMENT.sub("", text))
    parts[::2] = [draw_equations(part) for part in parts[::2]]
    return turn_links("".join(parts), PurePosixPath(name).parent, place(name), found)


def turn_links(text: str, folder: PurePosixPath, page: str, found: Callable[[str], None]) -> str:
    """Links between files of the repository as links between pages."""

    def turn(match: re.Match[str]) -> str:
        target = normpath(folder / match.group(1))
        if not (ROOT / target).exists():
            raise SystemExit(f"{page}: there is no {target}")
        found(target)
        return relpath(place(target), PurePosixPath(page).parent) + (match.group(2) or "")

    return LINK.sub(turn, text)


def draw_equations(text: str) -> str:
    """LaTeX between dollar signs as MathML."""
    text = DISPLAY.sub(
        lambda found: (
            f'<div class="equation">{convert(found.group(1).strip(), display="block")}</div>'
        ),
        text,
    )
    # Python-Markdown takes <math> at the start of a line for a block; a span is none.
    return INLINE.sub(lambda found: f"<span>{convert(found.group(1))}</span>", text)


def build(folder: Path) -> int:
    """Build the site below a folder that holds zensical.toml, docs/ and src/; the exit status."""
    gather(folder / "build" / "pages")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(build(ROOT))
