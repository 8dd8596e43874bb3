"""One page for a suite: complete, honest about what is missing, and quick the second time."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crosszero.cli import main
from crosszero.config import build
from crosszero.errors import CrosszeroError
from crosszero.experiment.page.blocks import Example
from crosszero.experiment.page.contents import write_page
from crosszero.experiment.page.inputs import Encoders, find_lines
from crosszero.experiment.page.link_matrices import align_gold
from crosszero.experiment.page.nearest_sentences import (
    draw_searches,
    find_nearest,
    make_examples,
)
from crosszero.experiment.page.word_maps import choose_meanings
from crosszero.experiment.recipes import read_experiment
from crosszero.experiment.results import Results, find_newest, read_results
from crosszero.experiment.settings import ExperimentConfig, SystemConfig
from crosszero.model.encoder import Encoder
from tests.experiment.page.conftest import EVIL, write

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def page(make_suite: Callable[[], Path]) -> tuple[Path, str, list[str]]:
    path, notes = write_page(make_suite(), hover=False)
    return path, path.read_text("utf-8"), notes


def test_everything_is_there_and_what_is_missing_is_said(
    page: tuple[Path, str, list[str]],
) -> None:
    _, text, notes = page
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert headings == [
        "Measured", "By language", "Published", "Training", "Word alignment",
        "Maps of token embeddings", "Nearest neighbours", "How this was made",
    ]  # fmt: skip
    assert notes == ["later: its encoder is unknown, or not trained yet"]
    assert "3 of 5 measurements are done." in text
    assert "small &amp; &lt;b&gt;bold&lt;/b&gt;" in text
    published = text.split("Published</h2>")[1].split("</section>")[0]
    assert "MMTE" in published
    assert "MMTE" not in text.replace(published, "")
    # curves: two means, and one picture with the seeds of the system that was trained
    training = text.split("Training</h2>")[1].split("</section>")[0]
    assert training.count("<figure") == 3
    assert "CZ (CZ-NCE)" in training
    assert "Settings of the trainings" in training
    # two systems have scores: what each reached stands at the top
    assert "Tatoeba: 30.0 % start, 61.2 % CZ (mean over languages)." in text.split("<main>")[0]
    # two encoders, a matrix of each for two pairs; layers 1 to 3 of the small model
    assert text.count('class="matrix"') == 4
    assert text.count('class="matrix" dir="rtl"') == 2
    maps = text.split("Maps of token embeddings</h2>")[1].split("</section>")[0]
    assert maps.count("<figure") == 2
    nearest = text.split("Nearest neighbours</h2>")[1].split("</section>")[0]
    assert nearest.count("<article") == 10
    assert nearest.count('class="neighbours"') == 2 * 10


def test_what_stands_in_a_corpus_stays_text(page: tuple[Path, str, list[str]]) -> None:
    assert "&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt;" in page[1]
    assert "<script" not in page[1]
    assert not re.search("https?://(?!www.w3.org)", page[1])  # the name of SVG is not an address


def test_a_second_call_runs_no_encoder_and_gives_the_same_page(
    page: tuple[Path, str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an encoder was loaded")

    monkeypatch.setattr(Encoder, "load", refuse)
    again, _ = write_page(page[0].parent, hover=False)
    assert again.read_text("utf-8") == page[1]
    # other settings are no reason to show what is kept: a map of another seed has to be computed
    with pytest.raises(AssertionError, match="was loaded"):
        write_page(page[0].parent, hover=False, seed=2)
    assert page[0].read_text("utf-8") == page[1]


def test_a_page_is_written_whole_or_not_at_all(
    page: tuple[Path, str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "page.html"
    write_page(page[0].parent, out=path, hover=False)
    first = path.read_text("utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("crosszero.files.os.replace", lambda *_: (_ for _ in ()).throw(OSError))
        with pytest.raises(OSError):  # noqa: PT011
            write_page(page[0].parent, out=path, hover=False)
    assert path.read_text("utf-8") == first
    assert [one.name for one in path.parent.iterdir()] == ["page.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(CrosszeroError, match="can't be written"):
        write_page(page[0].parent, out=tmp_path / "file" / "page.html", hover=False)


def test_hover_texts_are_data_that_no_text_can_leave(make_suite: Callable[[], Path]) -> None:
    pytest.importorskip("plotly")
    folder = make_suite()
    path, _ = write_page(folder, out=folder / "deep" / "page.html")
    text = path.read_text("utf-8")
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, flags=re.DOTALL)
    kinds = [kind for kind, _ in scripts]
    data = ' type="application/json"'
    assert kinds == [data, data, ' type="application/gzip" id="plotly"', ""]
    for kind, content in scripts:
        if kind == data:
            traces = json.loads(content)
            assert {trace["name"] for trace in traces if "name" in trace} == {"en", "fr", "ar"}
            groups = {t["legendgroup"]: t for t in traces if "hovertext" in t}
            english = groups["en"]
            assert EVIL.replace("<", "&lt;").replace(">", "&gt;") in english["hovertext"][0]
            assert len(english["hovertext"]) == 12 * 8  # words; the script has five
    assert len(text) < 3_000_000


def test_a_folder_of_records_alone_says_what_it_lacks(make_suite: Callable[[], Path]) -> None:
    folder = make_suite()
    (folder / "experiment.yaml").unlink()
    path, notes = write_page(folder, hover=False)
    assert len(notes) == 2
    text = path.read_text("utf-8")
    assert "No gold alignments were given" in text
    assert "No held-out samples, Tatoeba or gold alignments" in text
    assert "CZ (CZ-NCE)" in text  # trainings are found by the names of the records


def test_stale_results_are_named_and_not_shown(make_suite: Callable[[], Path]) -> None:
    folder = make_suite()
    settings = (folder / "experiment.yaml").read_text()
    changed = settings.replace("max_length: 64", "max_length: 63\nlanguages: [fr]")
    (folder / "experiment.yaml").write_text(changed.replace("languages: null\n", ""))
    with pytest.raises(CrosszeroError, match="belongs to the experiment as it is now"):
        read_results(folder)
    other = settings.replace("CZ:\n    encoder: null\n    train: {}", "CZ:\n    train: {steps: 9}")
    assert other != settings
    (folder / "experiment.yaml").write_text(other)
    path, _ = write_page(folder, hover=False)
    text = path.read_text("utf-8")
    assert "1 of 5 measurements are done." in text
    assert "CZ: records of other settings" in text
    assert "CZ (CZ-NCE)" not in text  # nor the curve of the training with other settings


def test_a_suite_whose_files_are_gone_is_shown_and_that_is_said(
    make_suite: Callable[[], Path], tmp_path: Path
) -> None:
    folder = make_suite()
    settings = (folder / "experiment.yaml").read_text()
    samples = str(read_experiment(folder / "experiment.yaml").samples)
    (folder / "experiment.yaml").write_text(settings.replace(samples, str(tmp_path / "gone")))
    runs = read_results(folder)
    assert len(runs.records) == 3
    assert list(runs.systems[1].trainings) == [1, 2]
    (note,) = runs.notes
    assert "2 records can't be checked" in note
    assert "gone" in note


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("published.yaml", "columns: [x]", "The published numbers can't be read:"),
        ("word-alignment/en-fr.gold", "nonsense", "The gold alignments can't be read:"),
        ("word-retrieval/_metadata.json", "{", "Not shown: maps and nearest neighbours:"),
    ],
)
def test_a_damaged_file_takes_its_section_alone(
    make_suite: Callable[[], Path], corpus: Path, tmp_path: Path, name: str, content: str, told: str
) -> None:
    folder, copy = make_suite(), tmp_path / "corpus"
    shutil.copytree(corpus, copy)
    settings = read_experiment(folder / "experiment.yaml")
    shutil.copy(str(settings.published), copy / "published.yaml")
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text(content)
    text = (folder / "experiment.yaml").read_text().replace(str(corpus), str(copy))
    text = text.replace(str(settings.published), str(copy / "published.yaml"))
    text = text.replace("held_out: null", f"held_out: {copy}")
    (folder / "experiment.yaml").write_text(text)
    path, _ = write_page(folder, hover=False)
    assert told in path.read_text("utf-8").replace("&#39;", "'")


@pytest.mark.parametrize("work", ["alignment", "map", "nearest"])
def test_what_is_kept_for_the_page_is_read_by_its_shape(
    make_suite: Callable[[], Path], work: str
) -> None:
    folder = make_suite()
    _, untouched = write_page(folder, hover=False)
    kept = sorted((folder / "report").glob(f"{work}-*.json"))
    assert len(kept) == 2
    for path, text in zip(kept, ('{"layers": "x"}', "[" * 100_000), strict=True):
        path.write_text(text)
    _, notes = write_page(folder, hover=False)
    damaged = [note for note in notes if note not in untouched]
    assert len(damaged) == 2
    assert all(any(f"{path}: damaged" in note for note in damaged) for path in kept)
    for path in kept:
        path.unlink()
    assert write_page(folder, hover=False)[1] == untouched


def test_an_encoder_that_is_gone_is_named(
    make_suite: Callable[[], Path], corpus: Path, tmp_path: Path
) -> None:
    folder = make_suite()
    settings = (folder / "experiment.yaml").read_text()
    start = read_experiment(folder / "experiment.yaml").encoder
    (folder / "experiment.yaml").write_text(settings.replace(start, str(tmp_path / "gone")))
    path, notes = write_page(folder, hover=False)
    assert any(note.startswith("start: ") and "gone" in note for note in notes)
    assert path.read_text("utf-8").count('class="matrix"') == 2


def test_the_page_of_an_evaluation(
    corpus: Path,
    model_folder: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "evaluation"
    arguments = [
        "evaluate",
        "--encoder",
        str(model_folder()),
        "--data",
        str(corpus),
        "--out",
        str(out),
    ]
    arguments += ["--max-length", "64"]
    for line in ([*arguments, "--tasks", "tatoeba"], ["report", str(out), "--no-hover"]):
        with pytest.raises(SystemExit) as caught:
            main(line)
        assert caught.value.code == 0
    assert re.search(r"page: .*report\.html \(\d\.\d MB\)", capsys.readouterr().out)
    text = (out / "report.html").read_text("utf-8")
    assert "All scores" in text
    assert "The folder has no training with logged steps" in text
    assert text.count('class="matrix"') == 2


@pytest.mark.parametrize("asked", [["fr"], ["fra"], ["de", "fr"], None])
def test_lines_of_laser_are_found_by_either_name_of_a_language(
    asked: list[str] | None, tmp_path: Path
) -> None:
    for code in ("fra", "ara"):
        write(tmp_path / f"tatoeba/tatoeba.{code}-eng.{code}", [code])
        write(tmp_path / f"tatoeba/tatoeba.{code}-eng.eng", ["one"])
    config = ExperimentConfig(
        name="x", out=str(tmp_path), data=str(tmp_path), languages=asked, tasks=["tatoeba"],
        systems={"x": SystemConfig()},
    )  # fmt: skip
    source, (line,) = find_lines(
        Results(title="x", folder=tmp_path, records=(), systems=(), config=config)
    )
    more = {} if asked else {"ar": "ara"}
    assert (source, line) == ("Tatoeba", {"en": "one", "fr": "fra", **more})


def test_each_system_is_read_as_for_its_scores(
    model_folder: Callable[..., Path], corpus: Path, tmp_path: Path
) -> None:
    encoder = str(model_folder())
    config = build(
        ExperimentConfig,
        {
            "name": "readings", "out": str(tmp_path), "encoder": encoder, "data": str(corpus),
            "tasks": ["tatoeba"], "seeds": [1], "max_length": 64, "layer": 2, "precision": "bf16",
            "systems": {
                "usual": {},
                "low": {"layer": 1},
                "cls": {"pooling": "cls"},
                "tuned": {"fine_tune": {"steps": 3}},
            },
        },
    )  # fmt: skip
    expected = {
        "usual, tuned": {"layer": 2}, "low": {"layer": 1}, "cls": {"pooling": "cls"}
    }  # fmt: skip

    def read(encoder: Encoder) -> list[object]:
        words = encoder.encode_words(["king house"], [[(0, 4), (5, 10)]])[0]
        numbers = [encoder.encode("king house").tolist(), words.tolist()]
        return [*numbers, encoder.alignment_layer, encoder.max_length, encoder.precision]

    found = Encoders(read_results(config)).run("reading", list[Any], {}, read)
    more: dict[str, Any] = {"max_length": 64, "precision": "bf16"}
    assert found == {
        name: read(Encoder.load(encoder, **how, **more)) for name, how in expected.items()
    }
    assert len({json.dumps(one) for one in found.values()}) == 3
    # what is kept belongs to one way of reading
    changed = dataclasses.replace(config, layer=3)
    again = Encoders(read_results(changed)).run("reading", list[Any], {}, read)
    assert again["usual, tuned"] == read(Encoder.load(encoder, layer=3, **more))
    assert again["low"] == found["low"]


def test_the_error_of_links_is_that_of_the_layer_that_is_named(
    page: tuple[Path, str, list[str]], model_folder: Callable[..., Path], corpus: Path
) -> None:
    for layer in (None, 1):
        encoder = Encoder.load(model_folder(), layer=layer, max_length=64, precision="fp32")
        one = align_gold(encoder, corpus, ["en-ar", "en-fr"], [])
        assert one.layer == (layer or 2)  # of three
        assert one.error == one.layers[int(one.layer) - 1]
    alignment = page[1].split("Word alignment</h2>")[1].split("</section>")[0]
    heads = re.findall("<th[^>]*>(.*?)</th>", alignment.split("<table")[1], flags=re.DOTALL)
    names = [re.sub("<[^>]*>", "", head).strip() for head in heads]
    assert names[1:5] == ["as the encoder links", "at layer", "at its best layer", "best layer"]


def test_a_folder_without_results_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["report", str(tmp_path)])
    assert caught.value.code == 2
    assert "holds neither records of an experiment" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "scores.json").write_text('{"scores": [{"x": 1}]}')
    with pytest.raises(CrosszeroError, match="damaged"):
        read_results(tmp_path)


def test_every_language_has_its_share_of_a_map() -> None:
    rich = [{"en": "a b c", "fr": "b c d", "ru": f"x y {i}"} for i in range(20)]
    poor = [{"en": "a b c", "ar": f"x y {i}"} for i in range(20)]
    short = [{"en": "a b", "ar": "x y z"}, {"en": "a b c"}]
    chosen = choose_meanings([*rich, *poor, *short], seed=1)
    assert len(chosen) == 12
    assert 4 <= sum("ar" in texts for texts in chosen) <= 8
    assert len({tuple(texts.items()) for texts in chosen}) == 12
    assert not any(texts in chosen for texts in short)
    assert chosen == choose_meanings([*rich, *poor, *short], seed=1)
    assert len(choose_meanings(poor[:3], seed=1)) == 3


def test_queries_are_drawn_by_the_seed_and_judged_by_text() -> None:
    lines = [{"en": f"q{i}", "fr": f"c{i % 29}", "ru": f"r{i}"} for i in range(30)]
    searches = draw_searches(lines, 11, seed=0)
    assert searches == draw_searches(lines, 11, seed=0) != draw_searches(lines, 11, seed=1)
    assert [search.languages for search in searches] == [("en", "fr"), ("en", "ru")]
    assert [len(search.queries) for search in searches] == [6, 5]
    assert [len(search.candidates) for search in searches] == [29, 30]  # c0 is a candidate once
    for search in searches:
        for query, gold in zip(search.queries, search.golds, strict=True):
            assert {"en": query, search.languages[1]: gold}.items() <= lines[int(query[1:])].items()
            assert gold in search.candidates
    assert draw_searches([], 5, seed=0) == draw_searches([{"en": "a", "fr": "b"}], 5, seed=0) == []

    class Exact:
        """An encoder whose vectors of a sentence and of its translation are equal."""

        def encode(self, texts: list[str]) -> np.ndarray:
            return np.eye(30)[[int(text[1:]) for text in texts]]

    class Blind:
        def encode(self, texts: list[str]) -> np.ndarray:
            return np.random.default_rng(len(texts)).normal(size=(len(texts), 30))

    found = {
        name: find_nearest(encoder, searches)  # type: ignore[arg-type]
        for name, encoder in (("before", Blind()), ("after", Exact()))
    }
    note, *examples = make_examples("here", searches, found)
    assert "29 to 30 sentences" in str(note)
    assert len(examples) == 11
    for example in examples:
        assert isinstance(example, Example)
        assert [len(neighbours) for neighbours in example.found.values()] == [3, 3]
        best = example.found["after"][0]
        if example.query.text != "q29":  # it means c0, which stands for q0
            assert best.right
            assert best.phrase == example.gold
            assert best.similarity == pytest.approx(1.0)


def test_names_that_begin_alike_are_not_mixed_up(tmp_path: Path) -> None:
    for name in ("CZ-1-0123456789ab", "CZ-1-2-ba9876543210"):
        (tmp_path / "encoders" / name).mkdir(parents=True)
        (tmp_path / "encoders" / name / "config.json").touch()
    one, other = find_newest(tmp_path, "CZ", 1), find_newest(tmp_path, "CZ-1", 2)
    assert one == tmp_path / "encoders/CZ-1-0123456789ab"
    assert other == tmp_path / "encoders/CZ-1-2-ba9876543210"
    assert find_newest(tmp_path, "CZ", 3) is None
