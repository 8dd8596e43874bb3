"""Every recipe is valid, complete and true to its words; the chain skips what stands."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crosszero.bitext import BitextConfig
from crosszero.errors import ConfigError, DataError
from crosszero.experiment.recipe.chain import read_scores, run_recipe
from crosszero.experiment.recipe.config import (
    EvaluateConfig,
    RecipeConfig,
    locate_recipe,
    override,
    read_recipe,
)
from crosszero.experiment.recipe.page import make_tables, summarise
from crosszero.experiment.recipe.scores import (
    HELD_OUT_SENTENCES,
    HELD_OUT_WORDS,
    Score,
    measure,
)
from crosszero.experiment.report.tables import render_text
from crosszero.experiment.settings import FINE_TUNED, TASKS, read_suite

Folders = Callable[..., Path]
FOLDER = locate_recipe("demo").parent
SUITES = sorted(p.stem for p in FOLDER.glob("*suite.yaml"))
TRAINED_AS = {"suite": "ablation", "paper-suite": "paper"}
RECIPES = sorted({p.stem for p in FOLDER.glob("*.yaml")} - set(SUITES))


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_valid_and_commented(name: str) -> None:
    recipe = read_recipe(locate_recipe(name))
    assert recipe.bitext
    text = locate_recipe(name).read_text()
    assert text.startswith("#")
    assert text.count("#") >= 5


def test_every_suite_is_known_here() -> None:
    assert sorted(TRAINED_AS) == SUITES


@pytest.mark.parametrize("name", SUITES)
def test_suites_are_valid_and_train_as_a_recipe_does(name: str) -> None:
    suite = read_suite(locate_recipe(name))
    recipe = read_recipe(locate_recipe(TRAINED_AS[name]))
    assert suite.encoder == recipe.encoder
    trained = {}
    for system in suite.systems:
        training = suite.training(system, recipe.train.seed)
        if training is not None:
            trained[system] = (training.loss, training.level)
            same = {"loss": recipe.train.loss, "level": recipe.train.level}
            assert dataclasses.replace(training, **same) == recipe.train  # type: ignore[arg-type]
    assert trained == {
        "info-snt": ("info-nce", "sentence"),
        "CZ-snt": ("cz-nce", "sentence"),
        "ML-CTL-info": ("info-nce", "multi"),
        "ML-CTL-CZ": ("cz-nce", "multi"),
    }
    assert locate_recipe(name).read_text().startswith("#")


def test_the_papers_suite_is_xtremes_protocol() -> None:
    from crosszero.experiment.evaluation import settings_of
    from crosszero.experiment.plan import Plan, list_plans, make_bench
    from tests.tasks.finetune.test_config import make_config

    suite = read_suite(locate_recipe("paper-suite"))
    assert (suite.layer, suite.max_length, len(suite.seeds)) == (8, 512, 3)
    assert set(suite.tasks) == {*TASKS} - {"word-retrieval"}
    assert not suite.has_seeds("mBERT")
    assert not suite.has_seeds("XLM")
    for task in FINE_TUNED:
        bench = make_bench(suite, Plan("mBERT", task, 1))
        assert settings_of(task, bench) == make_config(task, seed=1)
    assert len(list(list_plans(suite))) == 3 * 6 * 4 + 3 * 4 * 3 + 3 * 2


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
    suite = read_suite(locate_recipe("paper-suite"))
    stores = [SampleStore.open(Path(str(path))) for path in (suite.samples, suite.held_out)]
    assert [len(store) for store in stores] == [5 * 30, 5 * 10]  # five pairs of a line
    assert {s.source_language for s in stores[0]} == {"en"}
    recipe = read_recipe(locate_recipe("paper"))
    assert recipe.words == FinderConfig()
    assert (recipe.prepare.hold_out, recipe.bitext[0].skip_bad) == (1000, True)


def test_every_published_row_names_what_exists() -> None:
    """Recipes that are there, systems that they have, commands that parse."""
    from crosszero.cli.main import make_app
    from crosszero.experiment.published import read_published

    suite = read_suite(locate_recipe("paper-suite"))
    rows = {row.system: row for row in read_published().rows}
    assert {name for name, row in rows.items() if row.command is None} == {"MMTE"}
    for name, row in rows.items():
        if row.command is None:
            continue
        words = row.command.split()
        make_app(words[1]).parse_args(words[1:], exit_on_error=False, print_error=False)
        assert words[2] in ("recipes/paper-suite.yaml", suite.encoder) or name == "XLM"
        if words[1] == "suite":
            assert name in suite.systems
            assert f"system {name}" in row.here
    assert "extra xlm" in rows["XLM"].here


def test_the_papers_recipe_is_the_papers() -> None:
    recipe = read_recipe(locate_recipe("paper"))
    train = recipe.train
    assert recipe.encoder == "google-bert/bert-base-multilingual-cased"
    assert recipe.bitext[0].languages == ["en", "ar", "es", "fr", "ru", "zh"]
    found = (train.batch_size, train.learning_rate, train.temperature, train.mlm_weight)
    assert found == (64, 2e-6, 0.07, 0.1)
    assert (train.loss, train.level, train.schedule) == ("cz-nce", "multi", "multistep")
    assert train.milestones == pytest.approx((2 / 6, 4 / 6, 5 / 6), abs=1e-3)
    assert (train.max_length, train.checkpoint_every) == (128, 250)


def test_recipes_stand_at_the_root_of_the_repository() -> None:
    root = Path(__file__).parents[2] / "recipes"
    assert {p.stem for p in root.glob("*.yaml")} == {*RECIPES, *SUITES}


def make_recipe(folder: Path, model: Path) -> RecipeConfig:
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
        "evaluate": {"max_length": 32},
    }  # fmt: skip
    from crosszero.config import build

    return build(RecipeConfig, values)


def test_a_chain_skips_what_did_not_change(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = make_recipe(tmp_path, model_folder())

    def steps_done(changed: RecipeConfig) -> list[str]:
        caplog.clear()
        with caplog.at_level("INFO", logger="crosszero"):
            run_recipe(changed, command="crosszero run small.yaml")
        return [r.args[0] for r in caplog.records if r.msg == "%s: done in %.0f s"]

    assert steps_done(recipe) == ["prepare", "train", "baseline", "evaluate", "page"]
    assert steps_done(recipe) == []
    page = tmp_path / "out" / "report.html"
    page.unlink()
    assert steps_done(recipe) == ["page"]
    other = dataclasses.replace(recipe, train=dataclasses.replace(recipe.train, seed=2))
    assert steps_done(other) == ["train", "evaluate", "page"]
    assert (tmp_path / "out" / "run-1" / "config.json").is_file()  # not thrown away
    with (tmp_path / "corpus.en").open("a") as en, (tmp_path / "corpus.fr").open("a") as fr:
        en.write("king sees cat\n")
        fr.write("roi voit chat\n")
    assert steps_done(other) == ["prepare", "train", "baseline", "evaluate", "page"]
    scores = read_scores(tmp_path / "out" / "scores.json")
    assert [s[:3] for s in scores["before"]] == [s[:3] for s in scores["after"]]
    assert {s.measure for s in scores["after"]} == {HELD_OUT_SENTENCES, HELD_OUT_WORDS}
    text = page.read_text()
    assert "crosszero run small.yaml" in text
    assert "<script" not in text


def test_an_interrupted_chain_goes_on(
    model_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crosszero.training import loop

    recipe = make_recipe(tmp_path, model_folder())
    recipe = override(recipe, ["train.checkpoint_every=2", "page=false"])
    real, calls = loop.compute_losses, []

    def stop(*args: object) -> object:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(loop, "compute_losses", stop)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe)
    monkeypatch.setattr(loop, "compute_losses", real)
    run_recipe(recipe)
    broken = (tmp_path / "out" / "run" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "out")
    run_recipe(recipe)
    assert (tmp_path / "out" / "run" / "model.safetensors").read_bytes() == broken


def test_scores_do_not_depend_on_the_order_of_samples(
    model_folder: Folders, tmp_path: Path
) -> None:
    """Word retrieval through the lookup equals word retrieval text by text."""
    from crosszero.experiment.recipe.scores import measure_words
    from crosszero.model.encoder import Encoder
    from crosszero.tasks.word_questions import score_words
    from tests.training.conftest import make_samples

    samples = make_samples(12, multiway=True)
    encoder = Encoder.load(model_folder())
    quick = {(s.source, s.target): s.value for s in measure_words(encoder, samples)}
    slow = {
        (s.query_language, s.candidate_language): s.accuracy for s in score_words(encoder, samples)
    }
    assert quick == pytest.approx(slow)


def test_tables_have_both_directions_and_a_mean() -> None:
    before = [Score("m", "en", "fr", 0.25, 4), Score("m", "fr", "en", 0.5, 4)]
    after = [Score("m", "en", "fr", 0.75, 4), Score("m", "fr", "en", 1.0, 4)]
    (table,) = make_tables({"before": before, "after": after})
    assert table.rows == (("en-fr", 25.0, 75.0, 50.0, 100.0), ("mean", 25.0, 75.0, 50.0, 100.0))
    assert "75.0" in render_text(table)
    assert (
        "37.5 % before training, 87.5 % after" in summarise({"before": before, "after": after})[0]
    )


def test_settings_can_be_overridden() -> None:
    recipe = override(read_recipe(locate_recipe("demo")), ["train.steps=3", "out=x"])
    assert (recipe.train.steps, recipe.out) == (3, "x")
    for setting, message in [
        ("train.stps=3", "did you mean 'steps'"),
        ("trian.steps=3", "no part 'trian'"),
        ("train.steps", "name=value"),
        ("name.x=3", "no settings below"),
    ]:
        with pytest.raises(ConfigError, match=message):
            override(recipe, [setting])


def test_damaged_scores_are_told(tmp_path: Path) -> None:
    from crosszero.errors import CrosszeroError

    (tmp_path / "scores.json").write_text(json.dumps({"before": [{"x": 1}]}))
    with pytest.raises(CrosszeroError, match="run the recipe again"):
        read_scores(tmp_path / "scores.json")


def test_the_demo_recipe_runs_cut_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own settings, on strings written here: only sizes are cut."""
    from crosszero.experiment.recipe import chain
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
    monkeypatch.setattr(chain, "find_interface_strings", lambda: tmp_path / "locales")
    cut = ["train.steps=2", "train.batch_size=4", "prepare.hold_out=20", f"out={tmp_path}/out"]
    paths = run_recipe(override(read_recipe(locate_recipe("demo")), cut))
    scores = read_scores(paths.scores)
    assert len(scores["after"]) == 2 * 30  # sentences and words, 15 pairs, both directions
    assert paths.page.stat().st_size > 10_000
    assert (paths.run / "model.safetensors").is_file()


def test_an_empty_source_of_retrieval_is_told(tmp_path: Path) -> None:
    class Blind:
        """An encoder that must not be asked."""

    (tmp_path / "a.en-fr.tsv").write_text("en\tfr\n")
    source = BitextConfig(path=str(tmp_path / "a.en-fr.tsv"))
    config = EvaluateConfig(held_out=False, retrieval=[source])
    with pytest.raises(DataError, match=r"a\.en-fr\.tsv.*"):
        measure(Blind(), config, None)  # type: ignore[arg-type]
