"""Every recipe is valid, complete and true to its words; the chain skips what stands."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crosszero.bitext import BitextConfig
from crosszero.config import build
from crosszero.errors import ConfigError, DataError
from crosszero.experiment import steps
from crosszero.experiment.engine import run_experiment
from crosszero.experiment.measurement import Measurement, list_measurements
from crosszero.experiment.recipes import locate_recipe, read_experiment
from crosszero.experiment.result_tables import read_published
from crosszero.experiment.results import read_results
from crosszero.experiment.settings import ExperimentConfig
from crosszero.experiment.steps import Stamp
from crosszero.samples.store import SampleStore
from crosszero.tasks.catalogue import list_tasks

Folders = Callable[..., Path]
FOLDER = locate_recipe("demo").parent
SUITES = sorted(p.stem for p in FOLDER.glob("*suite.yaml"))
TRAINED_AS = {"suite": "ablation", "paper-suite": "paper"}
ROOT = Path(__file__).parents[2]
CONTINUED = {"e5-robust": "e5"}  # takes the samples that another recipe makes
RECIPES = sorted({p.stem for p in FOLDER.glob("*.yaml")} - set(SUITES))


@pytest.mark.parametrize("name", [*RECIPES, *SUITES])
def test_recipes_are_valid_and_commented(name: str) -> None:
    config = read_experiment(locate_recipe(name))
    assert bool(config.bitext) == (name in RECIPES and name not in CONTINUED)
    text = locate_recipe(name).read_text()
    assert text.startswith("#")
    assert text.count("#") >= 5


def test_every_suite_is_known_here() -> None:
    assert sorted(TRAINED_AS) == SUITES


@pytest.mark.parametrize("name", SUITES)
def test_suites_train_as_a_recipe_does(name: str) -> None:
    suite = read_experiment(locate_recipe(name))
    recipe = read_experiment(locate_recipe(TRAINED_AS[name]))
    assert suite.encoder == recipe.encoder
    expected = recipe.training("after" if recipe.is_plain else "ML-CTL-CZ", 1)
    trained = {}
    for system in suite.systems:
        training = suite.training(system, 1)
        if training is not None:
            trained[system] = (training.loss, training.level)
            assert dataclasses.replace(training, loss="cz-nce", level="multi") == expected
    assert trained == {
        "info-snt": ("info-nce", "sentence"),
        "CZ-snt": ("cz-nce", "sentence"),
        "ML-CTL-info": ("info-nce", "multi"),
        "ML-CTL-CZ": ("cz-nce", "multi"),
    }


def test_the_papers_suite_is_xtremes_protocol() -> None:
    from tests.tasks.finetune.test_config import make_config

    suite = read_experiment(locate_recipe("paper-suite"))
    assert (suite.layer, suite.max_length, len(suite.seeds)) == (8, 512, 3)
    # xsim is LASER's measure, no task of XTREME
    tasks = {t.name for t in list_tasks() if t.data_setting != "held_out" and not t.on_demand}
    assert set(suite.tasks) == {name for name in tasks if not name.startswith("xsim")}
    assert not suite.systems["mBERT"].has_seeds
    assert not suite.systems["XLM"].has_seeds
    for task in list_tasks():
        if task.fine_tuned and not task.on_demand:
            one = Measurement(suite, "mBERT", suite.find_task(task.name), 1)
            assert one.make_config() == make_config(task.name, seed=1)
    assert len(list(list_measurements(suite))) == 3 * 6 * 4 + 3 * 4 * 3 + 3 * 2


def test_the_papers_suite_tells_how_its_samples_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of its first lines, on six-way text cut small."""
    from crosszero.cli import main
    from crosszero.samples import FinderConfig, SampleStore

    text = locate_recipe("paper-suite").read_text().replace("\\\n#", " ")
    (command,) = re.findall(r"crosszero (prepare .*)", text)
    (tmp_path / "un/6way").mkdir(parents=True)
    for code in ("en", "ar", "es", "fr", "ru", "zh"):
        lines = "".join(f"{code} line number{i} stands here{i % 7}\n" for i in range(40))
        (tmp_path / f"un/6way/UNv1.0.6way.{code}").write_text(lines)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(command.replace("1000", "10").split())
    assert caught.value.code == 0
    suite = read_experiment(locate_recipe("paper-suite"))
    stores = [SampleStore.open(Path(str(path))) for path in (suite.samples, suite.held_out)]
    assert [len(store) for store in stores] == [5 * 30, 5 * 10]  # five pairs of a line
    assert {s.source_language for s in stores[0]} == {"en"}
    recipe = read_experiment(locate_recipe("paper"))
    assert recipe.words == FinderConfig()
    assert (recipe.prepare.hold_out, recipe.bitext[0].skip_bad) == (1000, True)


def test_the_suite_on_e5_asks_the_papers_question() -> None:
    suite = read_experiment(locate_recipe("e5"))
    assert [*suite.seeds] == [1, 2, 3]
    known = {t.name for t in list_tasks() if not t.on_demand}
    assert set(suite.tasks) >= {name for name in known if not name.startswith("xsim")}
    levels = {"snt": "sentence", "CTL": "multi"}
    for name in ("info-snt", "CZ-snt", "ML-CTL-info", "ML-CTL-CZ"):
        training = suite.training(name, 1)
        assert training is not None
        assert training.loss == ("info-nce" if "info" in name else "cz-nce")
        assert training.level == next(level for part, level in levels.items() if part in name)
    assert suite.training("e5-small-q4", 1) is None
    assert suite.systems["e5-first-last"].pooling == "first-last"


def test_robust_fine_tuning_is_measured_beside_the_same_training() -> None:
    suite, e5 = (read_experiment(locate_recipe(name)) for name in ("e5-robust", "e5"))
    assert suite.samples == f"{e5.out}/samples"
    assert suite.training("ML-CTL-CZ", 2) == e5.training("ML-CTL-CZ", 2)
    assert suite.fine_tune == {name: e5.fine_tune[name] for name in ("xnli", "pawsx")}
    for start, prefix in (("e5-small-q4", ""), ("ML-CTL-CZ", "ML-CTL-CZ+")):
        for name in ("synonyms", "EAR"):
            system = f"{prefix}{name}"
            assert suite.systems[system].is_robust
            assert suite.training(system, 2) == suite.training(start, 2)
            one = Measurement(suite, system, suite.find_task("pawsx"), 1)
            assert (one.make_config().copies, one.make_config().epochs) == (10, 1)
            assert one.make_config().freeze_embeddings == (name != "EAR")


def test_every_published_row_names_what_exists() -> None:
    """Recipes that are there, systems that they have, commands that parse."""
    from crosszero.cli.main import make_app

    suite = read_experiment(locate_recipe("paper-suite"))
    rows = {row.system: row for row in read_published(ROOT / "research/published.yaml").rows}
    assert {name for name, row in rows.items() if row.command is None} == {"MMTE"}
    for name, row in rows.items():
        if row.command is None:
            continue
        words = row.command.split()
        make_app(words[1]).parse_args(words[1:], exit_on_error=False, print_error=False)
        named = words[3] if words[1] == "evaluate" else words[2]
        assert named in ("recipes/paper-suite.yaml", suite.encoder) or name == "XLM"
        if words[1] == "run":
            assert name in suite.systems
            assert f"system {name}" in row.here
    assert "extra xlm" in rows["XLM"].here


def test_the_papers_recipe_is_the_papers() -> None:
    recipe = read_experiment(locate_recipe("paper"))
    train = recipe.training("after", 1)
    assert train is not None
    assert recipe.encoder == "google-bert/bert-base-multilingual-cased"
    assert recipe.bitext[0].languages == ["en", "ar", "es", "fr", "ru", "zh"]
    found = (train.batch_size, train.learning_rate, train.temperature, train.mlm_weight)
    assert found == (64, 2e-6, 0.07, 0.1)
    assert (train.loss, train.level, train.schedule) == ("cz-nce", "multi", "multistep")
    assert train.milestones == pytest.approx((2 / 6, 4 / 6, 5 / 6), abs=1e-3)
    assert (train.max_length, train.checkpoint_minutes) == (128, 10)


def test_recipes_stand_at_the_root_of_the_repository() -> None:
    assert {p.stem for p in (ROOT / "recipes").glob("*.yaml")} == {*RECIPES, *SUITES}


def make_recipe(folder: Path, model: Path, **changes: Any) -> ExperimentConfig:
    words = [
        ("cat", "chat"),
        ("dog", "chien"),
        ("king", "roi"),
        ("house", "maison"),
        ("sea", "mer"),
    ]
    more = ("red", "rouge"), ("old", "vieux"), ("weather", "temps"), ("today", "aujourd")
    words += more
    lines = [(f"{a} {c} {e}", f"{b} {d} {f}") for a, b in words for c, d in words for e, f in words
             if len({a, c, e}) == 3]  # fmt: skip
    for number, code in enumerate(("en", "fr")):
        text = "\n".join(line[number] for line in lines[::3]) + "\n"
        (folder / f"corpus.{code}").write_text(text)
    values = {
        "name": "small",
        "out": str(folder / "out"),
        "encoder": str(model),
        "bitext": [{"path": [str(folder / "corpus.en"), str(folder / "corpus.fr")]}],
        "prepare": {"hold_out": 20},
        "words": {"stop_words": "none"},
        "train": {"steps": 6, "batch_size": 8, "max_length": 32, "learning_rate": 1e-3,
                  "precision": "fp32", "log_every": 1},
        "max_length": 32,
    }  # fmt: skip
    return build(ExperimentConfig, values | changes)


def test_a_chain_skips_what_did_not_change(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = make_recipe(tmp_path, model_folder())

    def steps_done(changed: ExperimentConfig) -> list[str]:
        caplog.clear()
        with caplog.at_level("INFO", logger="crosszero"):
            run_experiment(changed, command="crosszero run small.yaml")
        marks = ("prepare ...", "training", "measuring ", "page ...")
        steps = [m.removesuffix(" ...") for m in caplog.messages if m.startswith(marks)]
        return [step.replace("measuring sentence-retrieval", "before") for step in steps]

    one_more = ["before", "measuring word-retrieval"]
    whole = ["prepare", *one_more, "training", *one_more, "page"]
    assert steps_done(recipe) == whole
    assert steps_done(recipe) == []
    page = tmp_path / "out" / "report.html"
    page.unlink()
    assert steps_done(recipe) == ["page"]
    other = dataclasses.replace(recipe, train={**recipe.train, "seed": 2}, seeds=[2])
    assert steps_done(other) == [*one_more, "training", *one_more, "page"]
    assert (tmp_path / "out" / "run-1" / "config.json").is_file()  # not thrown away
    with (tmp_path / "corpus.en").open("a") as en, (tmp_path / "corpus.fr").open("a") as fr:
        en.write("king sees cat\n")
        fr.write("roi voit chat\n")
    assert steps_done(other) == whole
    results = read_results(tmp_path / "out")
    names = [{(s.name, s.language) for s in record.scores} for record in results.records]
    assert names[:2] == names[2:]
    assert {record.task for record in results.records} == {"sentence-retrieval", "word-retrieval"}
    text = page.read_text()
    assert "crosszero run small.yaml" in text
    assert "<script" not in text


def test_an_interrupted_chain_goes_on(
    model_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crosszero.training import loop

    recipe = make_recipe(tmp_path, model_folder(), page=False)
    recipe = dataclasses.replace(recipe, train={**recipe.train, "checkpoint_every": 2})
    real, calls = loop.compute_gradients, []

    def stop(*args: object) -> object:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(loop, "compute_gradients", stop)
    with pytest.raises(KeyboardInterrupt):
        run_experiment(recipe)
    monkeypatch.setattr(loop, "compute_gradients", real)
    run_experiment(recipe)
    broken = (tmp_path / "out" / "run" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "out")
    run_experiment(recipe)
    assert (tmp_path / "out" / "run" / "model.safetensors").read_bytes() == broken


def test_settings_can_be_changed() -> None:
    recipe = read_experiment(locate_recipe("demo"), ["train.steps=3", "out=x", "train.seed=4"])
    assert (recipe.train["steps"], recipe.out, recipe.seeds) == (3, "x", [4])
    assert recipe.train["loss"] == "cz-nce"
    for setting, message in [
        ("train.stps=3", "did you mean 'steps'"),
        ("trian.steps=3", "did you mean 'train'"),
        ("train.steps", "name=value"),
        ("name.x=3", "no settings below"),
    ]:
        with pytest.raises(ConfigError, match=message):
            read_experiment(locate_recipe("demo"), [setting])
    with pytest.raises(ConfigError, match=r"train\.steps: train is given, too"):
        read_experiment(locate_recipe("demo"), ["train.steps=3", "train={epochs: 1}"])
    with pytest.raises(ConfigError, match=r"train\.steps: given twice"):
        read_experiment(locate_recipe("demo"), ["train.steps=3", "train.steps=4"])


def test_settings_of_old_recipes_are_translated(tmp_path: Path) -> None:
    """What the message says can be pasted into the recipe."""
    text = locate_recipe("paper").read_text()
    old = """
evaluate:
  held_out: true
  tatoeba: xtreme
  tatoeba_languages: [fr, 'no']
  retrieval: [{path: ntrex/multi, pairs: en}]
  alignment: [gold/word-alignment/en-fr, 'gold/word-alignment/de-en:1']
"""
    path = tmp_path / "old.yaml"
    path.write_text(text[: text.index("\ntasks:") + 1] + old)
    with pytest.raises(ConfigError, match=r"old\.yaml: evaluate: .*write instead: ") as caught:
        read_experiment(path)
    said = str(caught.value).partition("write instead: ")[2]
    path.write_text(text[: text.index("\ntasks:") + 1] + "\n".join(said.split("; ")))
    config = read_experiment(path)
    assert config.tasks == [
        "sentence-retrieval", "word-retrieval", "tatoeba", "multi", "word-alignment",
    ]  # fmt: skip
    assert (config.data, config.languages, config.max_length) == ("xtreme", ["fr", "no"], 128)
    assert (config.alignment, config.alignment_pairs) == ("gold", ["en-fr", "de-en:1"])
    assert config.texts["multi"].pairs == "en"


def test_held_out_samples_have_to_be_made() -> None:
    values = {"name": "x", "out": "y", "bitext": [{"path": "a.en-fr.tsv"}]}
    with pytest.raises(ConfigError, match=r"held_out: is needed by .*hold_out above 0"):
        build(ExperimentConfig, {**values, "tasks": ["word-retrieval"]})
    made = {**values, "prepare": {"hold_out": 5}}
    assert build(ExperimentConfig, made).tasks == ["sentence-retrieval", "word-retrieval"]
    without = build(ExperimentConfig, {**made, "words": {"kind": "none"}})
    assert without.tasks == ["sentence-retrieval"]
    with pytest.raises(ConfigError, match="samples, bitext: give only one"):
        build(ExperimentConfig, {**made, "samples": "z"})


def test_the_demo_recipe_runs_cut_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own settings, on strings written here: only sizes are cut."""
    from crosszero.experiment import steps
    from tests.bitext.test_chromium_pak import write_pak

    words = {
        "en-US": ["Open", "Close", "file", "window", "now", "again"],
        "ar": ["افتح", "أغلق", "ملف", "نافذة", "الآن", "مجددا"],
        "es-419": ["Abrir", "Cerrar", "archivo", "ventana", "ahora", "otra vez"],
        "fr": ["Ouvrir", "Fermer", "fichier", "fenêtre", "maintenant", "encore"],
        "ru": ["Открыть", "Закрыть", "файл", "окно", "сейчас", "снова"],
        "zh-CN": ["打开", "关闭", "文件", "窗口", "现在", "再次"],
    }
    (tmp_path / "locales").mkdir()
    for language, (*verbs, file, window, now, again) in words.items():
        texts = [
            f"{verb} {thing} {number} {when}"
            for number in range(20, 30)
            for verb in verbs
            for thing in (file, window)
            for when in (now, again)
        ]
        write_pak(tmp_path / "locales" / f"{language}.pak", dict(enumerate(texts, start=1)))
    monkeypatch.setattr(steps, "find_interface_strings", lambda: tmp_path / "locales")
    cut = ["train.steps=2", "train.batch_size=4", "prepare.hold_out=20", f"out={tmp_path}/out"]
    results = run_experiment(read_experiment(locate_recipe("demo"), cut))
    after = [r for r in results.records if r.system == "after"]
    assert [len([s for s in r.scores if s.metric != "type-accuracy"]) for r in after] == [30, 30]
    assert (tmp_path / "out/report.html").stat().st_size > 10_000
    assert (tmp_path / "out/run/model.safetensors").is_file()


def test_further_texts_are_asked_as_held_out_samples_are(
    model_folder: Folders, tmp_path: Path
) -> None:
    """The same text, once as held-out samples and once by a name of its own."""
    text = {"path": [str(tmp_path / "corpus.en"), str(tmp_path / "corpus.fr")]}
    recipe = make_recipe(
        tmp_path, model_folder(), page=False, texts={"news": text}, systems={"start": {}},
        tasks=["news"], seeds=[1],
    )  # fmt: skip
    (record,) = run_experiment(recipe).records
    other = dataclasses.replace(
        recipe, texts={}, tasks=["sentence-retrieval"], held_out=str(tmp_path / "out/texts/news"),
        out=str(tmp_path / "other"),
    )  # fmt: skip
    (same,) = run_experiment(other).records
    assert record.task == "news"
    assert {score.name for score in record.scores} == {"news/text-accuracy"}
    assert [(s.language, s.value) for s in record.scores] == [
        (s.language, s.value) for s in same.scores
    ]
    assert "news: text accuracy by language" in (tmp_path / "out/tables.md").read_text()
    (tmp_path / "corpus.en").write_text("the king\n")
    (tmp_path / "corpus.fr").write_text("le roi\n")
    (again,) = run_experiment(dataclasses.replace(recipe, bitext=[], samples=str(tmp_path))).records
    assert [score.count for score in again.scores] == [1, 1]


def test_a_text_that_a_stopped_run_stored_is_not_taken_for_the_one_before(
    model_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped with the new text in place, and then the old one is asked for again."""
    texts = []
    for number, line in enumerate(("the cat\tle chat\n", "the king\tle roi\n")):
        path = tmp_path / f"{number}.en-fr.tsv"
        path.write_text(line)
        texts.append({"news": BitextConfig(path=str(path))})
    recipe = make_recipe(tmp_path, model_folder(), page=False)
    recipe = dataclasses.replace(
        recipe, samples=str(tmp_path), bitext=[], tasks=["tatoeba"], data="x"
    )
    old, new = (dataclasses.replace(recipe, texts=one) for one in texts)
    steps.make_samples(old)
    with monkeypatch.context() as patch:
        write = Stamp.write

        def stop(stamp: Stamp, key: str, *, done: bool) -> None:
            if done:
                raise KeyboardInterrupt
            write(stamp, key, done=done)

        patch.setattr(Stamp, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            steps.make_samples(new)
    steps.make_samples(old)
    (sample,) = SampleStore.open(tmp_path / "out/texts/news")
    assert sample.source == "the cat"


def test_a_page_shows_published_numbers_as_they_are_now(
    model_folder: Folders, tmp_path: Path
) -> None:
    path = tmp_path / "published.yaml"
    row = {"system": "x", "source": "y", "values": [65.4], "here": "a machine"}
    values = {"columns": ["a"], "measures": ["b"], "sources": {"y": "z"}, "rows": [row]}
    recipe = make_recipe(
        tmp_path, model_folder(), published=str(path), systems={"start": {}}, seeds=[1],
        tasks=["sentence-retrieval"],
    )  # fmt: skip
    for number in (65.4, 78.9):
        row["values"] = [number]
        path.write_text(json.dumps(values))
        run_experiment(recipe)
        assert f">{number}<" in (tmp_path / "out/report.html").read_text()


def test_an_empty_text_is_told(model_folder: Folders, tmp_path: Path) -> None:
    (tmp_path / "a.en-fr.tsv").write_text("en\tfr\n")
    source = BitextConfig(path=str(tmp_path / "a.en-fr.tsv"), header=True)
    recipe = make_recipe(tmp_path, model_folder(), page=False)
    with pytest.raises(DataError, match=r"a\.en-fr\.tsv"):
        run_experiment(dataclasses.replace(recipe, texts={"empty": source}, tasks=["empty"]))
