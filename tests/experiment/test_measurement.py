"""One encoder on one task: its settings, its data, and the name of the model that is fine-tuned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crosszero.errors import ConfigError, DataError
from crosszero.experiment.measurement import Measurement
from crosszero.experiment.settings import ExperimentConfig, SystemConfig
from crosszero.files import hash_files, make_key
from crosszero.model.encoder import Encoder
from crosszero.model.hashing import hash_encoder
from crosszero.tasks.catalogue import find_task, list_tasks
from crosszero.tasks.fine_tuned_task import FineTunedTask
from tests.experiment.conftest import write
from tests.tasks.finetune.test_config import make_config
from tests.tasks.helpers import make_score

Folders = Callable[..., Path]


def make_measurement(
    task: str, data: Path, out: Path = Path("out"), *, seed: int = 1, **changes: Any
) -> Measurement:
    if "fine_tune" in changes:
        changes["fine_tune"] = {task: changes["fine_tune"]}
    config = ExperimentConfig(
        name="one", out=str(out), data=str(data), alignment=str(data), tasks=[task], seeds=[seed],
        systems={"start": SystemConfig()}, alone=True, **changes,
    )  # fmt: skip
    return Measurement(config, "start", find_task(task), seed)


def test_settings_may_be_text_as_yaml_reads_them(tmp_path: Path) -> None:
    changes = {"learning_rate": "2e-5", "steps": 3}
    one = make_measurement("xnli", tmp_path, fine_tune=changes, seed=7)
    assert one.make_config() == make_config("xnli", steps=3, seed=7)
    other = make_measurement("panx", tmp_path, seed=7)
    assert other.make_config() == make_config("panx", seed=7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": None}, "epochs: None given; a number is needed"),
        ({"batch_size": 1.5}, "batch_size: 1.5 given; a whole number is needed"),
        ({"steps": 2.5}, "steps: 2.5 given; a whole number is needed"),
        ({"learning_rate": "2e-x"}, "learning_rate: '2e-x' given; a number is needed"),
        ({"learning_rate": 0}, "learning_rate: 0.0 given; it must be above 0"),
        ({"stps": 2}, "unknown setting 'stps': did you mean 'steps'"),
        ({"robust": ["ear"]}, r"robust: \['ear'\] given"),
    ],
)
def test_settings_of_the_wrong_type_are_told(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"fine_tune: xnli: {message}"):
        make_measurement("xnli", tmp_path, fine_tune=change).make_config()


def test_a_table_of_synonyms_is_data(model_folder: Folders, tmp_path: Path) -> None:
    encoder, table = str(model_folder()), tmp_path / "table.json"
    for name, line in (("train-en", "a\tb\tneutral"), ("dev-en", "a\tb\tneutral")):
        write(tmp_path / "xnli" / f"{name}.tsv", [line])
    change = {"robust": "synonyms", "synonyms": str(table)}
    one = make_measurement("xnli", tmp_path, tmp_path, fine_tune=change)
    with pytest.raises(DataError, match=r"table\.json"):
        one.check()  # before hours are spent
    found = []
    for content in ('{"good": ["fine"]}', '{"good": ["great"]}'):
        table.write_text(content)
        found.append((one.make_key(encoder)[0], one.locate_model(encoder)))
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]


def test_a_fine_tuned_model_is_named_by_encoder_settings_and_english_data(
    xtreme: Path, model_folder: Folders, tmp_path: Path
) -> None:
    encoder = model_folder()
    changes = {"epochs": 1, "learning_rate": 1e-3}
    one = make_measurement("panx", xtreme, tmp_path, fine_tune=changes)
    config = {**dataclasses.asdict(make_config("panx")), **changes}
    assert config["epochs"] == 1
    assert isinstance(config["epochs"], int)  # 1, not 1.0: names of models that are there stay
    files = [xtreme / "panx/train-en.tsv", xtreme / "panx/dev-en.tsv"]
    key = make_key({"encoder": hash_encoder(encoder), "config": config}, files)
    assert one.locate_model(encoder) == tmp_path / "models" / f"panx-{key[:16]}"
    other = dataclasses.replace(one, seed=2)
    assert other.locate_model(encoder) != one.locate_model(encoder)


def write_bucc(folder: Path) -> None:
    """French and German, in all files that a language has."""
    for code in ("fr", "de"):
        for part in ("dev", "test"):
            for side in (code, "en"):
                lines = [f"{side}-1\troi", f"{side}-2\tmer"]
                write(folder / f"bucc2018/{code}-en.{part}.{side}", lines)
        write(folder / f"bucc2018/{code}-en.dev.gold", [f"{code}-1\ten-1"])
        write(folder / f"labels/bucc2018/test-{code}.tsv", [f"{code}-1\ten-1"])


def add_language(folder: Path, task: str) -> list[Path]:
    """Give a task a second language, and all test files of that language."""
    if task == "bucc2018":
        write_bucc(folder)
        return [*(folder / "bucc2018").glob("de-*"), folder / "labels/bucc2018/test-de.tsv"]
    names = {
        "tatoeba": ["tatoeba/fr-en.fr", "tatoeba/fr-en.en", "labels/tatoeba/test-fr.tsv"],
        "word-alignment": [f"word-alignment/en-fr.{suffix}" for suffix in ("src", "tgt", "gold")],
    }
    own = names.get(task, [f"{task}/test-fr.tsv", f"labels/{task}/test-fr.tsv"])
    made = []
    for name in own:
        path = folder / name.replace("fr", "de")
        write(path, (folder / name).read_text().splitlines())
        made.append(path)
    return made


@pytest.mark.parametrize("task", ["tatoeba", "bucc2018", "pawsx", "panx", "word-alignment"])
def test_a_language_that_lacks_a_file_is_an_error_not_another_mean(
    xtreme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.setattr(Encoder, "load", None)  # told before anything is loaded
    files = add_language(xtreme, task)
    one = make_measurement(task, xtreme, tmp_path / "out")
    find_task(task).check(xtreme)
    contents = {path: path.read_text() for path in files}
    assert len(files) >= 2
    for path in files:
        path.unlink()
        with pytest.raises(DataError) as caught:
            one.run("none")
        assert caught.value.path == str(path)
        for other in files:  # this file alone
            other.unlink(missing_ok=True)
        write(path, contents[path].splitlines())
        with pytest.raises(DataError) as caught:
            one.run("none")
        assert caught.value.path in {str(other) for other in files if other != path}
        for other, content in contents.items():
            write(other, content.splitlines())
    # the other language alone needs none of them
    for path in files:
        path.unlink()
    find_task(task).check(xtreme)


def test_named_languages_need_no_others(
    xtreme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ones:
        def predict(self, rows: list[Any]) -> list[str]:
            return ["1"] * len(rows)

    monkeypatch.setattr(Measurement, "_train_or_load", lambda *_: Ones())
    (xtreme / "labels/pawsx/test-fr.tsv").unlink()
    one = make_measurement("pawsx", xtreme, tmp_path / "out", languages=["en"])
    assert one.run("none").scores == (make_score("pawsx/accuracy", "en", 0.5, 12),)
    # prediction files of an earlier run are no languages of this one
    write(tmp_path / "out/predictions/pawsx/test-de.tsv", ["0"])
    assert len(one.run("none").scores) == 1
    with pytest.raises(ConfigError, match="pawsx has no data for 'de'; Allowed: en, fr"):
        make_measurement("pawsx", xtreme, tmp_path / "out", languages=["de"]).run("none")
    # what is there to choose the model by is no language to test
    for name in ("dev-de", "dev-fr", "train-de"):
        write(xtreme / f"pawsx/{name}.tsv", ["a\tb\t1"])
    assert find_task("pawsx").list_languages(xtreme) == ["en", "fr"]


def test_wrong_gold_is_told_before_fine_tuning(
    xtreme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Measurement, "_train_or_load", None)
    write(xtreme / "labels/pawsx/test-fr.tsv", ["0", "1"] * 6 + ["1"])
    with pytest.raises(DataError, match=r"labels/pawsx/test-fr\.tsv:12: 13 lines for 12 pairs"):
        make_measurement("pawsx", xtreme, tmp_path).run("none")
    for path in (xtreme / "labels/panx").iterdir():
        path.unlink()
    (xtreme / "labels/panx").rmdir()
    with pytest.raises(DataError, match=r"labels/panx/test-en\.tsv: is missing"):
        make_measurement("panx", xtreme, tmp_path).run("none")
    with pytest.raises(DataError, match=r"holds no test data of xnli \(xnli/test-<xx>\.tsv\)"):
        make_measurement("xnli", xtreme, tmp_path).run("none")


def test_the_hash_of_data_is_that_of_the_files_that_are_read(xtreme: Path) -> None:
    def hash_data(task: str) -> str:
        return make_measurement(task, xtreme).make_key("none")[1]

    plain = hash_data("tatoeba")
    assert plain == hash_files(xtreme / "tatoeba", xtreme / "labels/tatoeba")  # as it ever was
    for name in ("notes.txt", "tatoeba.txt"):
        write(xtreme / name, ["not read"])
    assert hash_data("tatoeba") == plain
    seen = {plain}
    for name in ("tatoeba.deu-eng.deu", "tatoeba.deu-eng.eng", "tatoeba/tatoeba.ita-eng.ita"):
        for line in ("one", "two"):
            write(xtreme / name, [line])
            seen.add(hash_data("tatoeba"))
    assert len(seen) == 7
    write(xtreme / "tatoeba.deu-eng.deu", ["one"])
    assert hash_data("panx") == hash_files(xtreme / "panx", xtreme / "labels/panx")


def test_an_encoder_of_the_hub_is_known_by_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    from crosszero.model.hashing import _fetch_snapshot

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    absent = hash_encoder("some/encoder")
    assert absent != hash_encoder("some/other")  # nothing is known but the name
    cached = tmp_path / "models--some--encoder"

    def publish(revision: str, weights: str) -> str:
        write(cached / "snapshots" / revision / "config.json", ["{}"])
        write(cached / "snapshots" / revision / "model.safetensors", [weights])
        (cached / "refs").mkdir(exist_ok=True)
        (cached / "refs/main").write_text(revision)
        _fetch_snapshot.cache_clear()  # as in another process
        return hash_encoder("some/encoder")

    first = publish("a" * 40, "weights")
    assert first == hash_encoder(cached / "snapshots" / ("a" * 40))
    assert publish("b" * 40, "better weights") not in (first, absent)
    assert publish("c" * 40, "weights") == first  # a new revision of the same files
    write(cached / "snapshots" / ("c" * 40) / "README.md", ["more words"])
    assert hash_encoder("some/encoder") == first


def test_all_tasks_are_behind_one_protocol() -> None:
    fine_tuned = {task.name for task in list_tasks() if task.fine_tuned and not task.on_demand}
    assert fine_tuned == {"xnli", "pawsx", "udpos", "panx"}
    for task in list_tasks():
        assert find_task(task.name) is task
        assert task.fine_tuned == isinstance(task, FineTunedTask)
    with pytest.raises(ConfigError, match="did you mean 'tatoeba'"):
        find_task("tatoba")
