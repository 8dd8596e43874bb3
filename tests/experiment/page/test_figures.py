"""Curves, colours, the plane, and the SVG that goes into a page."""

import math
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosszero.errors import CrosszeroError, MissingExtraError
from crosszero.experiment.page.curves import Curve, draw_curves, pick_curve, smooth, thin
from crosszero.experiment.page.maps import Point, draw_map, reduce_tsne
from crosszero.experiment.page.svg import pick_colours

RECORDS = [
    {"step": 10, "loss": 2.0},
    {"step": 20, "loss": -1.0, "accuracy": 0.5},
    {"step": 30, "loss": float("nan")},
    {"step": 20, "loss": -0.5},  # after a resume
    {"note": "no step"},
]


def test_curves_of_records():
    curve = pick_curve(RECORDS, "loss", name="CZ-NCE")
    assert (curve.name, curve.steps, curve.values[:2]) == ("CZ-NCE", (10, 20, 30), (2.0, -0.5))
    assert math.isnan(curve.values[2])
    assert pick_curve(RECORDS, "accuracy") == Curve(name="accuracy", steps=(20,), values=(0.5,))
    assert pick_curve(RECORDS, "nothing").steps == ()


def make_curve(values):
    return Curve(name="c", steps=tuple(range(0, 3 * len(values), 3)), values=tuple(values))


def test_smoothing_keeps_lines_and_gaps():
    assert smooth(make_curve([1.0, 2.0, 3.0, 4.0]), 3).values == (1.5, 2.0, 3.0, 3.5)
    assert smooth(make_curve([1.0, math.nan, 3.0]), 3).values == (1.0, 2.0, 3.0)
    assert math.isnan(smooth(make_curve([math.nan]), 1).values[0])
    assert smooth(make_curve([]), 3) == make_curve([])
    # a loss that blew up once does not stay in the sums
    blown = smooth(make_curve([0.1, 1e300, 0.1, 0.1, 0.1, math.inf]), 3)
    assert blown.values[3:] == pytest.approx([0.1] * 3)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-9, 9) | st.just(math.nan), max_size=40),
    st.integers(1, 50),
    st.integers(2, 50),
)
def test_smoothing_is_the_mean_of_the_neighbours(values, window, bins):
    half, curve = window // 2, smooth(make_curve(values), window, bins)
    assert len(curve.steps) == min(len(values), bins)
    assert list(curve.steps) == sorted({*curve.steps})
    if values:
        assert (curve.steps[0], curve.steps[-1]) == (0, 3 * (len(values) - 1))
    for step, found in zip(curve.steps, curve.values, strict=True):
        near = values[max(0, step // 3 - half) : step // 3 + half + 1]
        near = [value for value in near if not math.isnan(value)]
        if near:
            assert found == pytest.approx(sum(near) / len(near), abs=1e-9)
        else:
            assert math.isnan(found)


@pytest.mark.timeout(60)
def test_smoothing_takes_time_with_the_values_not_with_their_square():
    curve = smooth(make_curve([1.0] * 400_000), 16_001)
    assert len(curve.values) == 500
    assert set(curve.values) == {1.0}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-9, 9) | st.just(math.nan), max_size=60), st.integers(1, 8))
def test_thinning_keeps_ends_lowest_and_highest(values, bins):
    curve = make_curve(values)
    found = thin(curve, bins)
    assert len(found.steps) == len(found.values) <= 2 * bins + 2
    points = dict(zip(curve.steps, map(repr, values), strict=True))
    assert all(points[s] == repr(v) for s, v in zip(found.steps, found.values, strict=True))
    assert list(found.steps) == sorted(set(found.steps))
    if len(values) <= 2 * bins:
        assert found == curve
    if values:
        assert (found.steps[0], found.steps[-1]) == (curve.steps[0], curve.steps[-1])
    if known := [v for v in values if not math.isnan(v)]:
        kept = [v for v in found.values if not math.isnan(v)]
        assert (min(kept), max(kept)) == (min(known), max(known))


def test_a_long_run_makes_a_small_picture_that_shows_its_peaks():
    pytest.importorskip("matplotlib")
    values = np.random.default_rng(0).normal(size=39_000)
    curve = Curve(name="loss", steps=tuple(range(39_000)), values=tuple(values.tolist()))
    picture = draw_curves([curve], label="loss", caption="Loss.")
    assert len(picture.svg) < 120_000


def contrast(colour: str, ground: str) -> float:
    def luminance(code: str) -> float:
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(colour), luminance(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_are_seen_on_both_grounds():
    colours = pick_colours(40)
    assert len(set(colours)) == 40
    for colour in colours:
        assert contrast(colour, "#fdfdfc") >= 3
        assert contrast(colour, "#14161a") >= 3


def parse(picture):
    root = ET.fromstring(picture.svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    return root, ids


def test_curves_picture_fits_into_a_page():
    pytest.importorskip("matplotlib")
    long = Curve(
        name="raw $x$ 損失", steps=tuple(range(200)), values=tuple(np.linspace(2, -1, 200))
    )
    one = Curve(name="point", steps=(50,), values=(0.0,))
    picture = draw_curves([long, one], label="loss", caption='Loss, "CZ" < 0 & <script>.')
    root, ids = parse(picture)
    assert root.get("role") == "img"
    assert root.get("aria-label") == picture.caption == 'Loss, "CZ" < 0 & <script>.'
    assert root.get("width") is root.get("height") is None
    assert root.get("viewBox")
    assert "currentColor" in picture.svg
    assert not any(part in picture.svg for part in ("#012345", "<metadata", "<!DOCTYPE", "<script"))
    assert len(ids) == len(set(ids))
    again = draw_curves([long, one], label="loss", caption='Loss, "CZ" < 0 & <script>.')
    assert again == picture
    other = draw_curves([long], label="loss", caption="Another.")
    assert not set(ids) & set(parse(other)[1])
    with pytest.raises(CrosszeroError, match="no value of none to plot"):
        draw_curves([Curve(name="none", steps=(), values=())], label="loss", caption="x")


def test_references_inside_a_picture_are_kept():
    pytest.importorskip("matplotlib")
    picture = draw_curves([pick_curve(RECORDS, "loss")], label="loss", caption="Loss.")
    root, ids = parse(picture)
    links = [
        value[1:]
        for element in root.iter()
        for name, value in element.attrib.items()
        if name.endswith("href")
    ]
    clips = [element.get("clip-path") for element in root.iter() if element.get("clip-path")]
    assert links
    assert clips
    assert set(links) | {clip[5:-1] for clip in clips} <= set(ids)


def test_map_has_a_point_for_every_token_and_numbers_only_gathered_meanings():
    pytest.importorskip("matplotlib")
    random = np.random.default_rng(0)
    meanings = [i % 3 for i in range(60)]
    languages = [("en", "fr", "ar", "zh")[i // 3 % 4] for i in range(60)]
    centres = np.array([[0, 0], [10, 0], [0, 10]])
    near = centres[meanings] + random.normal(scale=0.1, size=(60, 2))
    far = centres[[i // 3 % 3 for i in range(60)]] + random.normal(scale=0.1, size=(60, 2))
    gathered, scattered = (
        draw_map(
            [
                Point(x, y, meaning, language, "word", "text")
                for (x, y), meaning, language in zip(places, meanings, languages, strict=True)
            ],
            caption=caption,
        )
        for places, caption in ((near, "After."), (far, "Before."))
    )
    for picture in (gathered, scattered):
        root, _ = parse(picture)
        for defined in list(root.iter("{http://www.w3.org/2000/svg}defs")):
            defined.clear()
        fills = [element.get("style", "") for element in root.iter()]
        for colour in pick_colours(3):
            assert sum(f"fill: {colour}" in fill for fill in fills) == 20
    count = [picture.svg.count("<!-- ") for picture in (gathered, scattered)]
    assert count[0] == count[1] + 3  # matplotlib writes each text as a comment beside its paths


@pytest.mark.parametrize("size", [4, 5, 40])
def test_plane_adapts_to_few_points_and_repeats(size):
    pytest.importorskip("sklearn")
    vectors = np.random.default_rng(1).normal(size=(size, 6))
    plane = reduce_tsne(vectors, seed=3)
    assert plane.shape == (size, 2)
    assert np.isfinite(plane).all()
    assert np.array_equal(plane, reduce_tsne(vectors, seed=3))


def test_plane_keeps_groups_together():
    pytest.importorskip("sklearn")
    random = np.random.default_rng(2)
    group = np.arange(40) % 2
    vectors = np.eye(8)[group] + random.normal(scale=0.05, size=(40, 8))
    plane = reduce_tsne(vectors)
    distance = np.linalg.norm(plane[:, None] - plane[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(axis=1)] == group).all()
    with pytest.raises(ValueError, match="four points"):
        reduce_tsne(vectors[:3])


@pytest.mark.parametrize("module", ["matplotlib", "sklearn.manifold"])
def test_missing_extra_is_named(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    curve = pick_curve(RECORDS, "loss")
    calls = {
        "matplotlib": lambda: draw_curves([curve], label="loss", caption="x"),
        "sklearn.manifold": lambda: reduce_tsne(np.eye(5)),
    }
    with pytest.raises(MissingExtraError, match=r"pip install 'crosszero\[report\]'"):
        calls[module]()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("table", {"numpy", "jinja2"}),
        ("page.document", {"torch", "matplotlib", "sklearn", "scipy", "transformers"}),
        ("page.maps", {"torch", "matplotlib", "sklearn", "scipy", "transformers"}),
    ],
)
def test_import_loads_nothing_heavy(module, heavy):
    code = f"import sys, crosszero.experiment.{module}; print({heavy} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
