"""Checks what ``make dist`` built, and uses the wheel with nothing beside what it asks for.

The packages that it asks for are linked from the environment of the tests: to download them again
would take minutes. Nothing else is there, so that what is asked for and not declared is missed.

Usage: python -m tests.distribution dist
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "crosszero"
LARGEST = 40_000_000  # bytes; two encoders are 33 MB of it
BESIDE = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
NAMED = ["recipes/demo.yaml", "viewer/templates/links.js", "assets/crosszero-mini/config.json"]


def list_sources() -> set[str]:
    """All files of the package, as they are named from ``src``."""
    files = {path for path in SOURCE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {SOURCE / name for name in NAMED} <= files
    return {path.relative_to(SOURCE.parent).as_posix() for path in files}


def check_wheel(wheel: Path) -> None:
    """See that the wheel holds the package, whole, its licence, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    assert names - about == list_sources(), (names - about) ^ list_sources()
    assert any(name.endswith("/licenses/LICENSE") for name in about)


def check_source(archive: Path) -> None:
    """See that the source distribution holds what the wheel is built from, and nothing else."""
    with tarfile.open(archive) as opened:
        names = {member.name.partition("/")[2] for member in opened if member.isfile()}
    beside = {name for name in names if not name.startswith("src/")}
    assert beside - {".gitignore"} == BESIDE, beside
    assert {name.removeprefix("src/") for name in names - beside} == list_sources()


def list_needed(start: Distribution, extras: Iterable[str] = ()) -> Iterator[Distribution]:
    """What pip would install with a package: all that it asks for, and what that asks for."""
    waiting, seen = [(start, {"", *extras})], set()
    while waiting:
        found, wanted = waiting.pop()
        for line in found.requires or ():
            need = Requirement(line)
            if need.marker and not any(need.marker.evaluate({"extra": one}) for one in wanted):
                continue
            key = (need.name.lower(), *sorted(need.extras))
            if key not in seen:
                seen.add(key)
                waiting.append((distribution(need.name), {"", *need.extras}))
                yield waiting[-1][0]


def link(packages: Iterable[Distribution], folder: Path) -> None:
    """Link packages into the folder of an environment."""
    for package in packages:
        for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(package.locate_file(top))))


def use(wheel: Path) -> None:
    """Install the wheel in an empty environment, and link a sentence to its translation there."""
    with TemporaryDirectory() as place:
        home = Path(place)
        venv.create(home / "venv", with_pip=True)
        python = home / "venv" / "bin" / "python"
        folder = next((home / "venv" / "lib").glob("python*/site-packages"))

        def call(*command: str | Path) -> str:
            hidden = ("PYTHONPATH", "VIRTUAL_ENV")
            kept = {name: value for name, value in os.environ.items() if name not in hidden}
            done = subprocess.run(
                [*map(str, command)], cwd=home, env=kept | {"HF_HUB_OFFLINE": "1"},
                stdout=subprocess.PIPE, text=True, check=True,
            )  # fmt: skip
            return done.stdout.strip()

        call(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
        about = next(folder.glob("crosszero-*.dist-info"))
        link(list_needed(PathDistribution(about)), folder)
        call(python, "-m", "pip", "check")
        program = home / "venv" / "bin" / "crosszero"
        assert call(program, "--version") == wheel.name.split("-")[1]
        row = json.loads(call(program, "align", "The house is small.", "Das Haus ist klein."))
        assert [1, 1] in [link[:2] for link in row["links"]], row  # house and Haus
        where = call(python, "-c", "import crosszero; print(crosszero.__file__)")
        assert Path(where).is_relative_to(folder), where


if __name__ == "__main__":
    built = Path(sys.argv[1]).resolve()
    [wheel], [archive] = built.glob("*.whl"), built.glob("*.tar.gz")
    check_wheel(wheel)
    check_source(archive)
    for path in (wheel, archive):
        assert path.stat().st_size < LARGEST, path
    use(wheel)
    print(f"{wheel.name} and {archive.name} are whole, and work")  # noqa: T201
