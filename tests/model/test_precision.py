"""bf16 is chosen where it is faster and harmless, and what it gives lies close to fp32."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from crosszero.errors import ConfigError
from crosszero.model import precision
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.precision import choose_precision, choose_reading_precision, measure_harm
from crosszero.search.mining import mine
from crosszero.search.neighbours import find_neighbours
from tests.conftest import ARCHITECTURES, WORDS, make_model

TEXTS = [" ".join(WORDS[i % 7 : i % 7 + 3 + i % 5] + WORDS[i : i + 2]) for i in range(40)]


def make_backbone(kind: str = "bert") -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model, tokenizer = make_model(kind, hidden=32)
    return Backbone(model, tokenizer, name=kind, mlm=True)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A processor with bf16, on which nothing was measured yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(precision, "read_cpu", lambda: ("CPU", True))
    monkeypatch.setattr(precision, "_SMALL", 0)
    return tmp_path / "crosszero" / "precision.json"


def pretend(monkeypatch: pytest.MonkeyPatch, *ratios: float) -> list[float]:
    """Let the next measurements come out so; gives those that are left."""
    left = list(ratios)
    monkeypatch.setattr(precision, "_compare", lambda *_: left.pop(0))
    return left


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_bf16_is_close_to_fp32(kind: str) -> None:
    backbone = make_backbone(kind)
    exact, half = (Encoder(backbone, precision=p) for p in ("fp32", "bf16"))
    one, other = exact.encode(TEXTS), half.encode(TEXTS)
    assert other.dtype == np.float32
    assert 0 < np.abs(one - other).max() < 0.02
    assert (one * other).sum(axis=1).min() > 0.999
    spans = [[(0, len(text.split()[0]))] for text in TEXTS]
    words = [encoder.encode_words(TEXTS, spans) for encoder in (exact, half)]
    for ours, theirs in zip(*words, strict=True):
        assert np.abs(ours - theirs).max() < 0.03 * np.abs(ours).max()
    near = [find_neighbours(x[::2], x[1::2]).index[:, 0] for x in (one, other)]
    assert (near[0] == near[1]).mean() >= 0.9
    assert next(backbone.parameters()).dtype == torch.float32


def test_links_and_mined_pairs_are_nearly_the_same() -> None:
    backbone = make_backbone()
    exact, half = (Encoder(backbone, precision=p) for p in ("fp32", "bf16"))
    others = [text[::-1] for text in TEXTS]
    links = [encoder.align(TEXTS, TEXTS) for encoder in (exact, half)]
    pairs = [
        {(n, link.source, link.target) for n, row in enumerate(rows) for link in row}
        for rows in links
    ]
    assert len(pairs[0] & pairs[1]) >= 0.95 * len(pairs[0] | pairs[1]) > 0
    mined = [{(m.source, m.target): m.score for m in mine(e, TEXTS, others)} for e in (exact, half)]
    both = mined[0].keys() & mined[1].keys()
    assert len(both) >= 0.8 * len(mined[0])
    assert max(abs(mined[0][pair] - mined[1][pair]) for pair in both) < 0.01


def test_an_encoder_that_learns_is_copied_again() -> None:
    backbone = make_backbone()
    half = Encoder(backbone, precision="bf16")
    before = half.encode(TEXTS)
    assert np.array_equal(before, half.encode(TEXTS))
    with torch.no_grad():
        for weight in backbone.parameters():
            weight.mul_(1.5)
    assert not np.array_equal(before, half.encode(TEXTS))
    assert np.abs(half.encode(TEXTS) - Encoder(backbone).encode(TEXTS)).max() < 0.02


def test_auto_measures_once_on_a_machine(monkeypatch: pytest.MonkeyPatch, machine: Path) -> None:
    backbone = make_backbone()
    left = pretend(monkeypatch, 1.5, 1.05, 0.3)
    for _ in range(2):
        assert choose_reading_precision(backbone, "auto") == "bf16"
        assert choose_precision(backbone, "auto") == "fp32"
    assert left == [0.3]
    assert sorted(json.loads(machine.read_text()).values()) == [1.05, 1.5]
    assert choose_reading_precision(make_backbone("modernbert"), "auto") == "fp32"  # another one
    assert not left


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"a": NaN}', "\0"])
def test_a_damaged_memory_is_measured_anew(
    monkeypatch: pytest.MonkeyPatch, machine: Path, text: str
) -> None:
    machine.parent.mkdir()
    machine.write_text(text)
    pretend(monkeypatch, 2.0)
    for _ in range(2):
        assert choose_reading_precision(make_backbone(), "auto") == "bf16"


@pytest.mark.parametrize("value", [None, "fast", -1.0, True, float("nan")])
def test_a_damaged_value_is_measured_anew(
    monkeypatch: pytest.MonkeyPatch, machine: Path, value: object
) -> None:
    pretend(monkeypatch, 2.0, 2.0)
    assert choose_reading_precision(make_backbone(), "auto") == "bf16"
    machine.write_text(json.dumps(dict.fromkeys(json.loads(machine.read_text()), value)))
    assert choose_reading_precision(make_backbone(), "auto") == "bf16"
    assert [*json.loads(machine.read_text()).values()] == [2.0]


def test_a_folder_that_cannot_be_written_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    left = pretend(monkeypatch, 2.0, 2.0)
    for _ in range(2):
        assert choose_reading_precision(make_backbone(), "auto") == "bf16"
    assert not left


def test_auto_is_fp32_without_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[str, bool]:
        return "CPU", False

    backbone = make_backbone()
    pretend(monkeypatch)
    monkeypatch.setattr(precision, "read_cpu", refuse)
    assert choose_reading_precision(backbone, "auto") == "fp32"
    assert choose_precision(backbone, "auto") == "fp32"
    monkeypatch.setattr(precision, "read_cpu", lambda: ("CPU", True))
    monkeypatch.setattr(precision, "_SMALL", 16_000_000)
    assert choose_reading_precision(backbone, "auto") == "fp32"


def test_auto_is_fp32_where_bf16_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 2.0)
    backbone = make_backbone()
    assert 0 < measure_harm(backbone) < 0.05
    norm = [m for m in backbone.base.modules() if isinstance(m, torch.nn.LayerNorm)][-1]
    with torch.no_grad():
        norm.bias += 1000  # what tokens have in common takes the digits of what tells them apart
    assert measure_harm(backbone) > 0.5
    assert choose_reading_precision(backbone, "auto") == "fp32"
    assert choose_reading_precision(backbone, "bf16") == "bf16"


def test_both_sides_are_timed_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    calls: list[str] = []

    def run(name: str, seconds: float) -> Callable[[int], None]:
        def work(rows: int) -> None:
            nonlocal now
            calls.append(name)
            now += seconds if rows > 2 else 60.0  # warming up is not timed
            now += 3.0 if len(calls) in (3, 6) else 0.0  # other work, now on one side, now on both

        return work

    monkeypatch.setattr(precision.time, "perf_counter", lambda: now)
    assert precision._compare(run("a", 1.0), run("b", 0.5)) == 2.0
    assert "".join(calls) == "abababab"
    calls.clear()
    assert precision._compare(run("a", 10.0), run("b", 23.0)) == 13 / 23
    assert "".join(calls) == "abab"


@pytest.mark.parametrize("choose", [choose_precision, choose_reading_precision])
def test_a_measurement_leaves_no_trace(choose: Callable[..., str]) -> None:
    backbone: Backbone = make_backbone().train()
    before = [weight.clone() for weight in backbone.parameters()]
    assert choose(backbone, "auto") in ("fp32", "bf16")
    assert backbone.training
    assert all(weight.grad is None for weight in backbone.parameters())
    assert all(map(torch.equal, before, backbone.parameters()))


@pytest.mark.parametrize(
    ("text", "name", "has_bf16"),
    [
        ("flags\t: sse avx512_bf16 sse2\nmodel name\t: Fast One\n", "Fast One", True),
        ("flags : sse amx_bf16", None, True),
        ("Features : fp asimd bf16", None, True),
        ("model name : Old\nflags : sse avx512_bf16x", "Old", False),
        ("", None, False),
    ],
)
def test_what_the_processor_can_is_read(
    monkeypatch: pytest.MonkeyPatch, text: str, name: str | None, has_bf16: bool
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    found = precision.read_cpu.__wrapped__()
    assert found[1] == has_bf16
    assert found[0] == name or (name is None and found[0])


def test_other_formats_are_refused() -> None:
    with pytest.raises(ConfigError, match="precision: 'fp16' given; did you mean 'bf16'"):
        Encoder(make_backbone(), precision="fp16")  # type: ignore[arg-type]
