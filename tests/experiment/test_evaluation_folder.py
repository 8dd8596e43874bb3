"""An evaluation's folder holds what one encoder predicted, and every record has its own file."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crosszero.errors import ConfigError, CrosszeroError
from crosszero.experiment.comparison import compare, pair_systems
from crosszero.experiment.engine import run_experiment
from crosszero.experiment.evaluation import evaluate
from crosszero.experiment.measurement import Measurement
from crosszero.experiment.records import read_record, write_record
from crosszero.experiment.results import read_results
from crosszero.experiment.settings import ExperimentConfig, SystemConfig
from crosszero.locks import lock_output
from crosszero.model.loading import resolve_encoder
from crosszero.tasks.prediction_files import list_languages, remove_files
from crosszero.tasks.tatoeba import Tatoeba
from tests.experiment.conftest import write
from tests.experiment.test_measurement import add_language

Folders = Callable[..., Path]
NOTED = "encoder.json"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "evaluation"


@pytest.fixture
def measure(xtreme: Path, out: Path) -> Callable[..., list[str]]:
    """Measure tasks in one folder; give what it then holds."""
    add_language(xtreme, "tatoeba")

    def measure(
        encoder: Path, tasks: Sequence[str], languages: Sequence[str] | None = None, **more: int
    ) -> list[str]:
        evaluate(encoder, tasks=tasks, data=xtreme, languages=languages, out=out, **more)
        return list_files(out)

    return measure


def list_files(out: Path) -> list[str]:
    paths = [*out.glob("predictions/*/test-*"), *out.glob("records/*")]
    return sorted(path.relative_to(out).as_posix() for path in paths)


def list_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Messages that every user sees, whatever tests before have set the level to."""
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


BOTH = [
    "predictions/tatoeba/test-de.tsv", "predictions/tatoeba/test-fr.tsv",
    "predictions/word-alignment/test-en-fr.tsv", "records/tatoeba.json",
    "records/word-alignment.json",
]  # fmt: skip


@pytest.mark.parametrize("noted", [True, False])  # versions before did not note the encoder
def test_another_encoder_takes_the_whole_folder(
    measure: Callable[..., list[str]], model_folder: Folders, out: Path, noted: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    small, large = model_folder(), model_folder(hidden=24)
    assert measure(small, ["tatoeba", "word-alignment"]) == BOTH
    if not noted:
        (out / ".stamps" / NOTED).unlink()
    write(out / "predictions/tatoeba/mine.txt", ["not ours to remove"])
    with pytest.raises(CrosszeroError, match="layer"):
        measure(large, ["tatoeba"], layer=99)
    assert list_files(out) == BOTH  # what is refused costs nothing
    assert list_warnings(caplog) == []
    assert measure(large, ["tatoeba"], ["fr"]) == [BOTH[1], BOTH[3]]
    (said,) = list_warnings(caplog)
    assert "of another encoder are removed: tatoeba, word-alignment; to keep" in said
    assert not (out / "predictions/tatoeba/reversed-de.tsv").exists()
    assert (out / "predictions/tatoeba/mine.txt").exists()


@pytest.mark.parametrize("noted", [True, False])
def test_the_same_encoder_adds_tasks_and_languages(
    measure: Callable[..., list[str]], model_folder: Folders, out: Path, noted: bool
) -> None:
    encoder = model_folder()
    measure(encoder, ["tatoeba"], ["de"])
    if not noted:
        (out / ".stamps" / NOTED).unlink()
    assert measure(encoder, ["word-alignment"])[0] == BOTH[0]
    assert measure(encoder, ["tatoeba"], ["fr"]) == BOTH
    # read in another way, they are not those of one measurement
    assert measure(encoder, ["tatoeba"], ["de"], layer=1) == [BOTH[0], *BOTH[2:]]


@pytest.mark.parametrize(
    ("task", "first", "then", "kept"),
    [
        ("tatoeba", ["fra"], ["de"], ["de", "fr"]),
        ("tatoeba", ["fr", "fr"], ["de"], ["de", "fr"]),
        ("word-alignment", ["en-fr:0"], ["en-de:0"], ["en-de", "en-fr"]),
        ("word-alignment", ["en-fr:0"], None, ["en-de", "en-fr"]),
        ("word-alignment", ["en-fr"], ["en-de:0"], ["en-de", "en-fr"]),
        ("pawsx-mixed", ["en", "fr"], ["de-fr"], ["de-fr", "en-fr", "fr-en"]),
    ],
)
def test_languages_are_added_however_they_were_named(
    xtreme: Path, model_folder: Folders, out: Path, task: str, first: list[str],
    then: list[str] | None, kept: list[str],
) -> None:  # fmt: skip
    add_language(xtreme, task.removesuffix("-mixed"))
    name = "pairs" if task == "word-alignment" else "languages"
    for asked in (first, then):
        evaluate(
            model_folder(), tasks=[task], data=xtreme, out=out, **{name: asked},
            fine_tune={"pawsx": {"steps": 1, "max_length": 16}} if task == "pawsx-mixed" else None,
        )  # fmt: skip
    assert list_languages(out / "predictions", task) == kept


@pytest.mark.parametrize("noted", [True, False])
def test_an_encoder_may_be_renamed(
    measure: Callable[..., list[str]], model_folder: Folders, out: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, noted: bool,
) -> None:  # fmt: skip
    encoder = shutil.copytree(model_folder(), tmp_path / "r1")
    measure(encoder, ["tatoeba", "word-alignment"])
    if not noted:
        (out / ".stamps" / NOTED).unlink()
    renamed = encoder.rename(tmp_path / "r2")
    monkeypatch.setattr(Measurement, "run", None)  # nothing is measured again
    assert measure(renamed, ["tatoeba"]) == BOTH
    assert [record.system for record in read_results(out).records] == ["r2"]


def test_what_nobody_can_check_does_not_count_under_another_name(
    measure: Callable[..., list[str]], model_folder: Folders, out: Path, xtreme: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    measure(model_folder(), ["tatoeba"])
    shutil.rmtree(xtreme / "tatoeba")
    assert len(read_results(out).records) == 1
    path = out / "records/tatoeba.json"
    write_record(dataclasses.replace(read_record(path), system="other"), path)
    with pytest.raises(CrosszeroError, match="none of its records"):
        read_results(out)


def test_a_folder_is_written_by_one_process_at_a_time(
    measure: Callable[..., list[str]], model_folder: Folders, out: Path
) -> None:
    """Two encoders that are measured into one folder would be scored by each other's files."""
    with lock_output(out, inside=True):
        with pytest.raises(CrosszeroError, match=r"evaluation: another process .* is writing it"):
            measure(model_folder(), ["tatoeba"])
        assert [path.name for path in out.iterdir()] == [".crosszero-lock"]
    measure(model_folder(), ["tatoeba"])
    assert not (out / ".crosszero-lock").exists()


def test_the_summary_of_another_encoder_goes_with_its_predictions(
    measure: Callable[..., list[str]], model_folder: Folders, out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Stopped before its own are there, nothing in the folder may be taken for the new one's."""
    summaries = ["scores.json", "summary.json", "tables.md"]
    measure(model_folder(), ["tatoeba"])
    monkeypatch.setattr(Tatoeba, "score", raise_interrupt)
    with pytest.raises(KeyboardInterrupt):
        measure(model_folder(), ["tatoeba"], layer=1)
    assert {*summaries} <= {path.name for path in out.iterdir()}
    with pytest.raises(KeyboardInterrupt):
        measure(model_folder(hidden=24), ["tatoeba"])
    assert not {*summaries} & {path.name for path in out.iterdir()}


def raise_interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def make_config(xtreme: Path, encoder: Path, systems: Sequence[str], **more: object) -> dict:  # type: ignore[type-arg]
    own = {name: SystemConfig(encoder=str(encoder)) for name in systems}
    return {"name": "x", "data": str(xtreme), "systems": own, "seeds": [1], "page": False, **more}


def test_a_measurement_that_is_replaced_leaves_no_predictions(
    xtreme: Path, model_folder: Folders, tmp_path: Path
) -> None:
    add_language(xtreme, "tatoeba")
    values = make_config(xtreme, model_folder(), ["a"], tasks=["tatoeba"], out=str(tmp_path / "s"))
    run_experiment(ExperimentConfig(**values))
    run_experiment(ExperimentConfig(**values, languages=["fr"], max_length=8))
    found = (tmp_path / "s/runs/a-1/predictions/tatoeba").iterdir()
    assert sorted(path.name for path in found) == ["reversed-fr.tsv", "test-fr.tsv"]


def test_systems_are_compared_on_the_languages_of_the_experiment(
    xtreme: Path, model_folder: Folders, tmp_path: Path
) -> None:
    """Predictions for others stay, but the tables do not count them, either."""
    add_language(xtreme, "tatoeba")
    values = make_config(
        xtreme, model_folder(), ["a", "b"], tasks=["tatoeba"], out=str(tmp_path / "s")
    )
    for languages, shown in ((None, ["de", "fr"]), (["fra"], ["fr"])):
        config = ExperimentConfig(**values, languages=languages)
        run_experiment(config)
        rows = compare(pair_systems(config, "a", "b")["tatoeba"], resamples=10).rows
        assert [row[0] for row in rows] == [*shown, "mean"]


def test_systems_are_compared_on_the_seeds_that_both_have(
    xtreme: Path, model_folder: Folders, tmp_path: Path
) -> None:
    """Of a run that is not finished, the mean of two seeds was held against a single one."""
    quick = {"steps": 1, "batch_size": 2, "max_length": 16}
    values = make_config(xtreme, model_folder(), ["a", "b"], tasks=["panx", "tatoeba"],
                         out=str(tmp_path / "s"), fine_tune={"panx": quick})  # fmt: skip
    config = ExperimentConfig(**values | {"seeds": [1, 2]})
    run_experiment(config)
    (tmp_path / "s/records/b-panx-2.json").unlink()
    found = pair_systems(config, "a", "b")
    folders = [path.parent.name for side in found["panx"][2:4] for path in side[1]]
    assert folders == ["a-1", "b-1"]
    (tmp_path / "s/records/b-panx-1.json").unlink()
    assert pair_systems(config, "a", "b").keys() == {"tatoeba"}


@pytest.mark.parametrize(
    ("systems", "texts", "task", "message"),
    [
        (("a", "a-b"), ("b-c", "c"), None, "a on b-c and a-b on c .* a-b-c-1.json; rename one of"),
        (("x", "x-word"), ("retrieval",), "word-retrieval", "or the text retrieval"),
    ],
)
def test_names_that_give_one_record_are_refused(
    xtreme: Path, model_folder: Folders, tmp_path: Path, systems: Sequence[str],
    texts: Sequence[str], task: str | None, message: str,
) -> None:  # fmt: skip
    from crosszero.bitext import BitextConfig

    write(tmp_path / "t.en-fr.tsv", ["the cat\tle chat"])
    text = BitextConfig(path=str(tmp_path / "t.en-fr.tsv"))
    values = make_config(
        xtreme, model_folder(), systems, out=str(tmp_path / "s"), held_out=str(tmp_path),
        texts=dict.fromkeys(texts, text), tasks=[*([task] if task else []), *texts],
    )  # fmt: skip
    config = ExperimentConfig(**values)  # results that have such names can be read
    with pytest.raises(ConfigError, match=message):
        run_experiment(config)
    assert not (tmp_path / "s").exists()


def test_files_of_one_language_are_removed(tmp_path: Path) -> None:
    names = ["test-en-fr.tsv", "threshold-en-fr.json", "layer-2/test-en-fr.tsv", "test-en.tsv"]
    for name in names:
        write(tmp_path / "t" / name, ["1"])
    assert remove_files(tmp_path, "t", "en-fr")
    assert [path.name for path in (tmp_path / "t").rglob("*.*")] == ["test-en.tsv"]
    assert remove_files(tmp_path, "t")
    assert not remove_files(tmp_path, "t")


def test_a_folder_that_is_called_like_one_of_our_encoders_is_not_taken_for_it(
    xtreme: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work" / "crosszero-mini").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    found = evaluate("crosszero-mini", tasks=["tatoeba"], languages=["fr"], data=xtreme, out=out)
    (record,) = read_results(out).records
    assert list(record.scores) == list(found)


def test_names_of_encoders_are_the_same_in_every_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("run", "crosszero-mini"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve_encoder("run") == str(tmp_path / "run")
    for name in ("crosszero-mini", "user/name", "user/name@main"):
        assert resolve_encoder(name) == name
