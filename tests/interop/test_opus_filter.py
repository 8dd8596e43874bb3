"""OpusFilter's filter: with what it asks of a filter, and where it is installed, with itself."""

from __future__ import annotations

import abc
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from crosszero.errors import ConfigError, MissingExtraError
from crosszero.model.encoder import Encoder
from crosszero.search.bitext_scores import score_bitext

NAME = "crosszero.interop.opus_filter"
PAIRS = [("the cat", "le chat"), ("the king", "the king"), ("", "mer"), ("the sea", "the sea a")]


class FilterABC(metaclass=abc.ABCMeta):
    """What OpusFilter 3.3 asks of a filter; a filter without one of these can't be made."""

    def __init__(self, name: str | None = None, workdir: str = "") -> None:
        self.name, self.workdir = name, workdir

    @abc.abstractmethod
    def score(self, pairs: Any) -> Any: ...

    @abc.abstractmethod
    def accept(self, score: Any) -> Any: ...

    @property
    @abc.abstractmethod
    def score_direction(self) -> Any: ...

    def decisions(self, pairs: Any) -> Iterator[bool]:
        for score in self.score(pairs):
            yield self.accept(score)


@pytest.fixture(params=["stand-in", "real"])
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module, on OpusFilter or on what stands in for it."""
    if request.param == "real":
        pytest.importorskip("opusfilter")
    else:
        stand_in: Any = types.ModuleType("opusfilter")
        stand_in.FilterABC, stand_in.CLEAN_HIGH = FilterABC, "clean_high"
        monkeypatch.setitem(sys.modules, "opusfilter", stand_in)
    sys.modules.pop(NAME, None)
    yield importlib.import_module(NAME)
    sys.modules.pop(NAME, None)


@pytest.mark.parametrize("by", ["cosine", "ratio", "distance"])
def test_scores_and_decisions(filters: Any, by: Any, model_folder: Callable[..., Path]) -> None:
    scored = [s for _, (s,) in score_bitext(Encoder.load(model_folder()), PAIRS, [by], k=2)]
    threshold = sorted(scored)[2]
    found = filters.TranslationFilter(threshold, encoder=str(model_folder()), by=by, k=2, name="x")
    assert (found.name, found.score_direction) == ("x", "clean_high")
    assert list(found.score(iter(PAIRS))) == scored
    right = [score >= threshold for score in scored]
    assert sum(right) == 2
    assert list(found.decisions(PAIRS)) == right
    kept = [pair for pair, good in zip(PAIRS, right, strict=True) if good]
    assert list(found.filter(iter(PAIRS))) == kept
    assert list(found.filterfalse(PAIRS)) == [pair for pair in PAIRS if pair not in kept]
    assert not found.accept(min(scored))
    found.threshold = 1.0
    assert found.accept(0.99999994)
    assert not found.accept(0.9999)


def test_pairs_come_as_they_are_asked_for(filters: Any, model_folder: Callable[..., Path]) -> None:
    read = 0

    def endless() -> Iterator[tuple[str, str]]:
        nonlocal read
        while True:
            read += 1
            yield "the cat", "the cat"

    found = filters.TranslationFilter(0.9, encoder=str(model_folder()), block=8)
    assert len(list(islice(found.filter(endless()), 20))) == 20
    assert read == 24


def test_wrong_settings(filters: Any, model_folder: Callable[..., Path]) -> None:
    encoder = str(model_folder())
    for wrong in ({"by": "cosinus"}, {"k": 0}, {"block": 0}):
        with pytest.raises(ConfigError):
            filters.TranslationFilter(encoder=encoder, **wrong)
    with pytest.raises(ConfigError, match="3 texts given"):
        list(filters.TranslationFilter(encoder=encoder).score([("a", "b", "c")]))


def test_it_runs_from_a_configuration(tmp_path: Path, model_folder: Callable[..., Path]) -> None:
    opusfilter = pytest.importorskip("opusfilter.opusfilter")
    for side in (0, 1):
        text = "".join(pair[side] + "\n" for pair in PAIRS)
        (tmp_path / f"{side}.txt").write_text(text, encoding="utf-8")
    settings = {"encoder": str(model_folder()), "threshold": 0.999}
    step = {"inputs": ["0.txt", "1.txt"], "outputs": ["0.out", "1.out"]}
    step |= {"filters": [{"TranslationFilter": settings, "module": NAME}]}
    config = {"common": {"output_directory": str(tmp_path)}}
    config |= {"steps": [{"type": "filter", "parameters": step}]}
    opusfilter.OpusFilter(yaml.safe_load(yaml.safe_dump(config))).execute_steps()
    for side in (0, 1):
        assert (tmp_path / f"{side}.out").read_text(encoding="utf-8") == "the king\n"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    sys.modules.pop(NAME, None)
    monkeypatch.setitem(sys.modules, "opusfilter", None)
    with pytest.raises(MissingExtraError, match=r"crosszero\[opusfilter\]"):
        importlib.import_module(NAME)
