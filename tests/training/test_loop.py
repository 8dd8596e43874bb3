"""The loop: learns, resumes bit for bit after kill -9, stops at NaN, refuses what can't be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoTokenizer

import crosszero
from crosszero.align.spans import Span, WordPair
from crosszero.errors import (
    CheckpointError,
    ConfigError,
    CrosszeroError,
    DataError,
    TrainingError,
)
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.samples.sample import Sample
from crosszero.samples.store import SampleStore, collect
from crosszero.training import loop
from crosszero.training.checkpoint import list_checkpoints
from crosszero.training.loop import train
from crosszero.training.metrics import read_metrics
from crosszero.training.optimizer import learning_rate_factor
from crosszero.training.train_config import LayersConfig, LoraConfig, TrainConfig, read_settings
from tests.training.conftest import make_samples

Folders = Callable[..., Path]
QUICK = {
    "batch_size": 8,
    "max_length": 32,
    "learning_rate": 1e-3,
    "schedule": "linear",
    "precision": "fp32",
    "log_every": 1,
    "checkpoint_every": 4,
}


def run(model: Path, store: Path, out: Path, *, resume: bool = False, **settings: object) -> Path:
    config = TrainConfig(**(QUICK | settings))
    return train(model, store, config, out=out, resume=resume, show_progress=False)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_training_pulls_translations_together(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=60, mlm_weight=0.05)
    lines = read_metrics(out / "metrics.jsonl")
    assert [line["step"] for line in lines] == list(range(1, 61))
    early, late = lines[:5], lines[-5:]
    for key, sign in (("contrastive_loss", -1), ("accuracy", 1), ("gap", 1)):
        change = sum(line[key] for line in late) - sum(line[key] for line in early)
        assert sign * change > 0, key
    assert sum(line["accuracy"] for line in late) / 5 > 0.5
    assert json.loads((out / "training.json").read_text())["loss"] == "cz-nce"
    assert "| loss | cz-nce |" in (out / "README.md").read_text()
    Backbone.load(out, mlm=True)
    assert (out / "projection.safetensors").is_file()


@pytest.mark.parametrize("settings", [{"loss": "info-nce"}, {"level": "sentence"}])
def test_the_other_systems_of_the_ablation_train(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, settings: dict[str, object]
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=30, **settings)
    lines = read_metrics(out / "metrics.jsonl")
    assert lines[-1]["contrastive_loss"] < lines[0]["contrastive_loss"]
    if settings.get("loss") == "info-nce":
        assert min(line["contrastive_loss"] for line in lines) > 0


def test_sentences_and_words_are_trained_apart(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    settings = {
        "level": "split", "layers": LayersConfig(sentence="last", word=1), "mlm_weight": 0.0,
        "anchor_weight": 0.1, "words_per_sentence": 4, "steps": 40, "checkpoint_every": 20,
    }  # fmt: skip
    model = model_folder(dropout=0.0)
    out = run(model, store_folder(60), tmp_path / "run", **settings)
    lines = read_metrics(out / "metrics.jsonl")
    for key, sign in (("contrastive_loss", -1), ("word_loss", -1), ("word_accuracy", 1)):
        change = sum(line[key] for line in lines[-5:]) - sum(line[key] for line in lines[:5])
        assert sign * change > 0, key
    assert lines[0]["drift"] == pytest.approx(0.0, abs=1e-6)
    assert lines[-1]["drift"] > 1e-4
    assert not (out / "projection.safetensors").exists()
    assert read_settings(out)["layers"] == {"sentence": "last", "word": 1}

    assert json.loads((out / "crosszero.json").read_text())["alignment_layer"] in (1, 2, 3)
    encoder = Encoder.load(out)  # is read as it was trained
    assert encoder.pooling == "mean"
    last = Encoder.load(out, pooling="mean").encode(["cat 1"])
    assert (encoder.encode(["cat 1"]) == last).all()
    assert (Encoder.load(out, pooling="first-last").encode(["cat 1"]) != last).any()
    of_layer = Encoder.load(out, layer=1).encode_words(["cat 1"], [[(0, 3)]])
    assert (encoder.encode_words(["cat 1"], [[(0, 3)]])[0] == of_layer[0]).all()

    shutil.copytree(out, tmp_path / "half")
    shutil.rmtree(list_checkpoints(tmp_path / "half" / "checkpoints")[-1])
    again = run(model, store_folder(60), tmp_path / "half", resume=True, **settings)
    assert weights(again) == weights(out)  # the anchor is the encoder before the first step


def test_words_that_have_no_negatives_are_told(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for words in ({}, {"words_per_sentence": 1}):
        with pytest.raises(ConfigError, match=r"words_per_sentence: 1 .* with level: split"):
            run(model_folder(), store_folder(60), tmp_path / "run", level="split", steps=2, **words)
    rows = [replace(row, words=row.words[:1]) for row in make_samples(20)]
    store = collect(rows, tmp_path / "samples").path
    with caplog.at_level("WARNING", logger="crosszero"):
        out = run(
            model_folder(), store, tmp_path / "run", level="split", steps=2, words_per_sentence=4
        )
    assert "words were not trained" in caplog.text
    assert "word vectors" not in (out / "README.md").read_text()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"word": 0}, "layers.word: 0 given; it must be first-last, last, or a layer from 1"),
        ({"sentence": 9}, "layers.sentence: 9 given; .* has layers 1 to 3"),
        ({"word": "middle"}, "word: 'middle' given"),
    ],
)
def test_layers_that_are_not_there_are_refused(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, layers: dict, message: str
) -> None:
    config = {**QUICK, "layers": layers}
    with pytest.raises(ConfigError, match=message):
        crosszero.train(model_folder(), store_folder(60), out=tmp_path / "run", **config)
    assert not (tmp_path / "run").exists()


def test_single_settings_are_keywords(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    store = SampleStore.open(store_folder(60))
    settings = {**QUICK, "steps": 2, "loss": "info-nce", "lora": LoraConfig(rank=2)}
    out = crosszero.train(model_folder(), store, out=tmp_path / "one", **settings)
    config = TrainConfig(**(settings | {"loss": "cz-nce", "steps": 9}))
    other = crosszero.train(
        model_folder(), store, config, out=tmp_path / "two", loss="info-nce", steps=2
    )
    assert out == tmp_path / "one"
    assert weights(out) == weights(other)
    assert read_settings(out)["loss"] == "info-nce"
    for wrong, message in (
        ({"los": "cz-nce"}, "unknown setting 'los': did you mean 'loss'"),
        ({"loss": "nce"}, "loss: 'nce' given"),
        ({"steps": 1.5}, "steps: 1.5 given; a whole number"),
        ({"temperature": -1.0}, "temperature: -1.0 given"),
    ):
        with pytest.raises(ConfigError, match=message):
            crosszero.train(model_folder(), store, out=tmp_path / "three", **wrong)
    assert not (tmp_path / "three").exists()


def test_the_callers_randomness_is_left_alone(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    run(model_folder(), store_folder(60), tmp_path / "run", steps=2)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("multiway", [False, True])
def test_resume_after_kill_9_is_bit_for_bit(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, multiway: bool
) -> None:
    """A real process, killed in the middle of a step; dropout on; two epochs."""
    store = store_folder(40, multiway=multiway)
    settings = {"steps": 24, "refresh_words_every": 0 if multiway else 5}
    whole = run(model_folder(), store, tmp_path / "whole", **settings)
    out = tmp_path / "killed"
    flags = [f"--{k.replace('_', '-')}={v}" for k, v in (QUICK | settings).items()]
    command = [sys.executable, "-m", "crosszero", "train", str(store), "--out", str(out)]
    command += ["--encoder", str(model_folder()), *flags]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 280
    while not any(line["step"] >= 10 for line in read_metrics(out / "metrics.jsonl")):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "model.safetensors").exists()  # it did not finish
    left = list_checkpoints(out / "checkpoints")
    assert left
    done = subprocess.run(
        [*command, "--resume"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [path.name for path in out.rglob(".*")]
    files = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    for path in files:
        if path.name not in ("README.md", "metrics.jsonl") and "tfevents" not in path.name:
            assert (out / path).read_bytes() == (whole / path).read_bytes(), path
    assert {Path("tokenizer.json"), Path("projection.safetensors")} < files
    steps = [line["step"] for line in read_metrics(out / "metrics.jsonl")]
    assert steps == list(range(1, 25))
    same = [
        {k: v for k, v in line.items() if k != "seconds"}
        for line in read_metrics(out / "metrics.jsonl")
    ]
    expected = [
        {k: v for k, v in line.items() if k != "seconds"}
        for line in read_metrics(whole / "metrics.jsonl")
    ]
    assert same == expected


def test_the_tokenizer_is_saved_without_the_truncation_of_the_last_batch(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=2, max_length=6)
    text = "weather king house cat dog today red sea"
    saved = Tokenizer.from_file(str(out / "tokenizer.json"))
    expected = AutoTokenizer.from_pretrained(model_folder())(text)["input_ids"]
    assert len(expected) > 8
    assert saved.encode(text).ids == expected
    before = (out / "tokenizer.json").read_bytes()
    run(model_folder(), store_folder(60), out, steps=2, max_length=6, resume=True)
    assert (out / "tokenizer.json").read_bytes() == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": 9999}, "max_length"),
        ({"refresh_words_every": 1, "refresh_layer": 99}, "refresh_layer"),
        ({"lora": LoraConfig(targets=("nothing",))}, "targets"),
        ({}, "no batch can be made"),
    ],
)
def test_what_is_refused_at_once_leaves_nothing(
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    settings: dict[str, object],
    message: str,
) -> None:
    store = store_folder(60)
    if not settings:
        rows = [replace(row, words=()) for row in make_samples(4)]
        store = collect(rows, tmp_path.parent / f"{tmp_path.name}-store").path
    with pytest.raises(CrosszeroError, match=message):
        run(model_folder(), store, tmp_path / "deep" / "run", steps=2, **settings)
    with pytest.raises(CrosszeroError, match="nowhere"):
        run(tmp_path / "nowhere", store, tmp_path / "run", steps=2)
    assert not list(tmp_path.iterdir())


def test_a_store_is_not_trained_into(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    store = tmp_path / "samples"
    shutil.copytree(store_folder(60), store)
    before = sorted(store.iterdir())
    for out in (store, store / "run"):
        with pytest.raises(ConfigError, match="is read by this command"):
            run(model_folder(), store, out, steps=2)
    assert sorted(store.iterdir()) == before


def test_another_seed_gives_other_weights(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    """Guards the test above against comparing what is always equal."""
    runs = [
        run(model_folder(), store_folder(60), tmp_path / str(seed), steps=3, seed=seed)
        for seed in (1, 2)
    ]
    assert weights(runs[0]) != weights(runs[1])


def test_resume_refuses_other_settings(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=4)
    with pytest.raises(
        CheckpointError, match=r"started with temperature: 0\.07, but 0\.1 is given now"
    ):
        run(model_folder(), store_folder(60), out, resume=True, steps=4, temperature=0.1)
    with pytest.raises(CheckpointError, match="samples"):
        run(model_folder(), store_folder(40), out, resume=True, steps=4)


def test_resume_refuses_another_encoder_of_the_same_name(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    """The anchor, and what a checkpoint leaves out, are those of the encoder in the folder."""
    start = Path(shutil.copytree(model_folder(dropout=0.0), tmp_path / "start"))
    settings = {"steps": 4, "checkpoint_every": 2, "anchor_weight": 1.0}
    out = run(start, store_folder(60), tmp_path / "run", **settings)
    (out / "model.safetensors").unlink()
    shutil.rmtree(list_checkpoints(out / "checkpoints")[-1])
    tensors = load_file(start / "model.safetensors")
    changed = {name: value * 1.01 for name, value in tensors.items()}
    save_file(changed, start / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"files of the encoder .*start are not those"):
        run(start, store_folder(60), out, resume=True, **settings)
    progress = list_checkpoints(out / "checkpoints")[-1] / "progress.json"
    old = json.loads(progress.read_text())
    del old["settings"]["encoder_hash"]  # as older versions left it
    progress.write_text(json.dumps(old | {"files": {}}))
    run(start, store_folder(60), out, resume=True, **settings)


def test_damaged_checkpoints_are_told(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=4)
    (checkpoint,) = list_checkpoints(out / "checkpoints")
    for name in ("weights.safetensors", "optimizer.safetensors", "progress.json"):
        copy = tmp_path / f"copy-{name}"
        shutil.copytree(out, copy)
        path = copy / "checkpoints" / checkpoint.name / name
        path.write_bytes(path.read_bytes()[:20])
        with pytest.raises(CheckpointError, match="damaged") as caught:
            run(model_folder(), store_folder(60), copy, resume=True, steps=4)
        assert str(caught.value).count("damaged (") == 1


def test_only_the_newest_checkpoints_stay(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(
        model_folder(), store_folder(60), tmp_path / "run", steps=10, checkpoint_every=2,
        keep_checkpoints=3,
    )  # fmt: skip
    names = [path.name for path in list_checkpoints(out / "checkpoints")]
    assert names == ["step-00000006", "step-00000008", "step-00000010"]
    kinds = {
        path.suffix for path in out.rglob("*") if path.is_file() and "tfevents" not in path.name
    }
    assert kinds <= {".safetensors", ".json", ".jsonl", ".md"}  # nothing that runs when loaded


def test_a_loss_that_is_not_finite_stops_without_a_save(
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, calls = loop.compute_gradients, []

    def poison(*args: object) -> object:
        calls.append(1)
        if len(calls) == 7:
            for parameter in args[0].backbone.parameters():
                parameter.data.fill_(float("nan"))
        return real(*args)

    monkeypatch.setattr(loop, "compute_gradients", poison)
    out = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"step 7: the loss is nan.*step-00000004") as caught:
        run(model_folder(), store_folder(60), out, steps=20)
    assert "made:" in str(caught.value)
    failed = json.loads((out / "failed-batch.json").read_text())
    assert failed["step"] == 7
    assert len(failed["samples"]) >= 7
    assert not (out / "model.safetensors").exists()
    monkeypatch.setattr(loop, "compute_gradients", real)
    run(model_folder(), store_folder(60), out, steps=20, resume=True)
    for value in Backbone.load(out).state_dict().values():
        assert torch.isfinite(value).all()


def test_a_gradient_that_is_not_finite_stops_too(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def infinite(*_: object, **__: object) -> torch.Tensor:
        return torch.tensor(float("inf"))

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", infinite)
    with pytest.raises(TrainingError, match=r"step 1: the norm of the gradient is inf.*no check"):
        run(model_folder(), store_folder(60), tmp_path / "run", steps=3)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_full_disk_is_told_before_training(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(TrainingError, match="MB are free"):
        run(model_folder(), store_folder(60), tmp_path / "run", steps=3)
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_a_folder_in_use_is_not_touched(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=2)
    before = weights(out)
    with pytest.raises(ConfigError, match="--resume"):
        run(model_folder(), store_folder(60), out, steps=2)
    assert weights(out) == before
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="this is a file"):
        run(model_folder(), store_folder(60), tmp_path / "file", steps=2)
    with pytest.raises(CrosszeroError, match="can't be written"):
        run(model_folder(), store_folder(60), tmp_path / "file" / "run", steps=2)


def test_no_pretrained_head_needs_mlm_weight_0(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    from transformers import AutoModel

    bare = tmp_path / "bare"
    AutoModel.from_pretrained(model_folder()).save_pretrained(bare)
    Backbone.load(model_folder()).tokenizer.save_pretrained(bare)
    with pytest.raises(ConfigError, match="mlm_weight: 0"):
        run(bare, store_folder(60), tmp_path / "run", steps=2)
    run(bare, store_folder(60), tmp_path / "other", steps=2, mlm_weight=0.0)


def test_words_are_refreshed_by_the_encoder(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=6, refresh_words_every=3)
    stores = sorted(p for p in (out / "words").iterdir() if p.is_dir())
    assert [p.name for p in stores] == ["step-00000000", "step-00000003"]
    samples = list(SampleStore.open(stores[1]))
    assert {s.finder for s in samples} & {"encoder"}
    assert len(samples) == sum(json.loads((out / "words" / "step-00000003.json").read_text()))


def test_a_text_in_two_languages_has_the_words_of_each(
    model_folder: Folders, tmp_path: Path
) -> None:
    """An apostrophe ends a word in French alone."""
    texts = {"en": "the king's house", "fr": "l'eau", "de": "l'eau"}
    rows = [
        Sample(
            source=texts[a], target=texts[b], source_language=a, target_language=b, group="x:1",
            origin="x:1", words=(WordPair(Span(0, 3), Span(0, 5)),), finder="lexicon",
        )
        for a, b in (("en", "fr"), ("en", "de"), ("fr", "de"))
    ]  # fmt: skip
    store = collect([*rows, *make_samples(8)], tmp_path / "samples").path
    run(model_folder(), store, tmp_path / "run", steps=2, refresh_words_every=1)


@pytest.mark.parametrize("steps", [6, 7])
def test_words_are_found_for_batches_not_for_steps(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture, steps: int
) -> None:
    """Batches of one meaning are passed over; a run that goes on counts them, too."""
    same = [replace(row, words=row.words[:1]) for row in make_samples(1)] * 10
    store = collect([*same, *make_samples(10, seed=5)], tmp_path / "samples").path
    settings = {"steps": steps, "batch_size": 2, "refresh_words_every": 4, "checkpoint_every": 3}
    with caplog.at_level("WARNING", logger="crosszero"):
        whole = run(model_folder(), store, tmp_path / "whole", **settings)
    passed = caplog.text.count("is skipped")
    assert passed > 1
    found = {path.name for path in (whole / "words").glob("step-*[0-9]")}
    assert "step-00000000" in found
    assert len(found) > steps // 4 + 1  # after the last step, where nothing was left to find
    out = tmp_path / "killed"
    shutil.copytree(whole, out)
    (out / "model.safetensors").unlink()
    for path in list_checkpoints(out / "checkpoints")[1:]:
        shutil.rmtree(path)
    run(model_folder(), store, out, resume=True, **settings)
    assert weights(out) == weights(whole)


def test_words_of_an_earlier_sitting_are_the_same_or_refused(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    settings = {"steps": 6, "refresh_words_every": 5}
    whole = run(model_folder(), store_folder(60), tmp_path / "whole", **settings)
    shutil.rmtree(whole / "checkpoints" / "step-00000006")
    words = Path("words")
    marks, other = words / "step-00000000.json", words / "step-00000005"
    changes: list[Callable[[Path], object]] = [
        lambda out: (out / marks).unlink(),
        lambda out: (out / marks).write_text("[" * 100_000),
        lambda out: (out / marks).write_text('{"a": 1}'),
        lambda out: (out / marks).write_text("[8, 8, 8, 7, 8]"),
        lambda out: shutil.rmtree(out / "words" / "step-00000000"),
        lambda out: (
            shutil.rmtree(out / "words" / "step-00000000"),
            shutil.copytree(out / other, out / "words" / "step-00000000"),
        ),
    ]
    for number, change in enumerate(changes):
        out = tmp_path / str(number)
        shutil.copytree(whole, out)
        change(out)
        with pytest.raises(DataError, match="step-00000000") as caught:
            run(model_folder(), store_folder(60), out, resume=True, **settings)
        assert "\n" not in str(caught.value)


def test_schedules() -> None:
    def factors(**settings: object) -> list[float]:
        config = TrainConfig(**settings)
        return [round(learning_rate_factor(step, 10, config), 4) for step in range(10)]

    assert factors(schedule="constant") == [1.0] * 10
    paper = factors(schedule="multistep")
    assert paper == [1.0] * 4 + [0.1] * 3 + [0.01] * 2 + [0.001]
    assert factors(schedule="linear")[5] == 0.5
    assert factors(schedule="cosine")[5] == 0.5
    warm = factors(schedule="linear", warmup=0.2)
    assert warm[:3] == [0.3333, 0.6667, 1.0]
    assert warm[2:] == sorted(warm[2:], reverse=True)


def test_a_model_without_checkpoints_is_not_trained_over(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=2)
    shutil.rmtree(out / "checkpoints")
    before = weights(out)
    with pytest.raises(ConfigError, match="no checkpoint to continue from"):
        run(out, store_folder(60), out, steps=2, resume=True)
    assert weights(out) == before


def test_a_disk_that_fills_up_is_told_and_the_run_goes_on(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crosszero.training import checkpoint

    real = checkpoint.save_file

    def full(tensors: dict[str, torch.Tensor], path: Path, **options: object) -> None:
        if "step-00000008" in str(path):
            raise OSError(28, "No space left on device")
        real(tensors, path, **options)

    whole = run(model_folder(), store_folder(60), tmp_path / "whole", steps=10)
    monkeypatch.setattr(checkpoint, "save_file", full)
    out = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"No space left.*step-00000004.*--resume"):
        run(model_folder(), store_folder(60), out, steps=10)
    assert [p.name for p in (out / "checkpoints").iterdir()] == ["step-00000004"]
    monkeypatch.setattr(checkpoint, "save_file", real)
    run(model_folder(), store_folder(60), out, steps=10, resume=True)
    assert weights(out) == weights(whole)


def test_training_goes_on_from_a_saved_head(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    from crosszero.model.backbone import Backbone
    from crosszero.model.head import ProjectionHead
    from crosszero.model.saving import load_head
    from crosszero.training.setup import prepare_run

    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=3, mlm_weight=0.0)
    assert Backbone.load(out, mlm=True).mlm_head is not None  # kept, though it was not trained
    head = ProjectionHead(16, "multi")
    load_head(out, head)
    for level, equal in (("multi", True), ("sentence", False)):
        config = TrainConfig(**(QUICK | {"level": level, "steps": 1}))
        store = SampleStore.open(store_folder(60))
        (tmp_path / level).mkdir()
        again = prepare_run(out, store, config, tmp_path / level, resume=False).head
        same = again.inner.weight.shape == head.inner.weight.shape and torch.equal(
            again.inner.weight, head.inner.weight
        )
        assert same == equal


def test_further_training_keeps_the_layers_for_words(model_folder: Folders, tmp_path: Path) -> None:
    """Unless it trains words by others, or their links tell a better one."""
    start = Path(shutil.copytree(model_folder(), tmp_path / "start"))
    layers = {"alignment_layer": 1, "word_layer": 3}
    (start / "crosszero.json").write_text(json.dumps(layers))
    rows = make_samples(20)
    bare = collect([replace(row, words=()) for row in rows], tmp_path / "bare").path
    few = [replace(row, words=row.words[:1]) if i < 2 else replace(row, words=())
           for i, row in enumerate(rows)]  # fmt: skip
    for name, store, settings, word_layer in (
        ("sentence", bare, {"level": "sentence"}, 3),
        ("last", bare, {"level": "sentence", "layers": LayersConfig(word="last")}, -1),
        ("few", collect(few, tmp_path / "few").path, {"batch_size": 2}, None),
    ):
        out = run(start, store, tmp_path / f"run-{name}", steps=1, **settings)
        found = json.loads((out / "crosszero.json").read_text())
        assert found == {"alignment_layer": 1} | ({"word_layer": word_layer} if word_layer else {})


def test_a_damaged_head_is_told_where_it_would_be_used(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    first = run(model_folder(), store_folder(60), tmp_path / "first", steps=1)
    path = first / "projection.safetensors"
    whole = path.read_bytes()
    small = tmp_path / "small.safetensors"
    save_file({"inner.weight": torch.zeros(2, 2)}, small, metadata={"level": "multi"})
    for content in (whole[:1000], b"x", small.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"projection\.safetensors: "):
            run(first, store_folder(60), tmp_path / "run", steps=1)
    assert not (tmp_path / "run").exists()
    run(first, store_folder(60), tmp_path / "run", steps=1, level="split", words_per_sentence=2)


def test_precision_stays_what_it_was(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crosszero.training import auto_settings

    monkeypatch.setattr(auto_settings, "choose_precision", lambda *_: "bf16")
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=4, precision="auto")
    monkeypatch.setattr(auto_settings, "choose_precision", lambda *_: "fp32")
    assert json.loads((out / "training.json").read_text())["precision"] == "bf16"
    run(model_folder(), store_folder(60), out, steps=4, precision="auto", resume=True)
    assert json.loads((out / "training.json").read_text())["precision"] == "bf16"
    with pytest.raises(
        CheckpointError, match="started with precision: bf16, but fp32 is given now"
    ):
        run(model_folder(), store_folder(60), out, steps=4, precision="fp32", resume=True)


def test_batches_of_one_meaning_are_passed_over(
    model_folder: Folders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    same = make_samples(1) * 6
    collect([*same, *make_samples(4, seed=5)], tmp_path / "some")
    collect(same, tmp_path / "all")
    settings = {"level": "sentence", "batch_size": 2}
    with caplog.at_level("WARNING", logger="crosszero"):
        run(model_folder(), tmp_path / "some", tmp_path / "run", steps=8, **settings)
    assert "have the same meaning" in caplog.text
    with pytest.raises(TrainingError, match=r"20 batches in a row.*--deduplicate"):
        run(model_folder(), tmp_path / "all", tmp_path / "other", steps=2, **settings)


def test_learning_rates_decay_and_clipping_reach_the_optimizer(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    from crosszero.training.setup import prepare_run

    rates = {"head_learning_rate": 0.5, "embedding_learning_rate": 0.25, "adam_beta2": 0.9}
    config = TrainConfig(**(QUICK | {"steps": 1, "weight_decay": 0.1} | rates))
    made = prepare_run(
        model_folder(), SampleStore.open(store_folder(60)), config, tmp_path, resume=False
    )
    special = {id(parameter): 0.5 for parameter in made.head.parameters()}
    special[id(made.backbone.base.get_input_embeddings().weight)] = 0.25
    assert sum(len(group["params"]) for group in made.optimizer.param_groups) == len(
        [*made.backbone.parameters(), *made.head.parameters()]
    )
    for group in made.optimizer.param_groups:
        for parameter in group["params"]:
            assert group["base_lr"] == special.get(id(parameter), 1e-3)
            assert group["betas"] == (0.9, 0.9)
            assert group["weight_decay"] == (0.1 if parameter.dim() > 1 else 0.0)
    steps = {}
    for norm in (1e-6, 0.0):
        out = run(
            model_folder(), store_folder(60), tmp_path / str(norm), steps=1, max_grad_norm=norm
        )
        steps[norm] = read_metrics(out / "metrics.jsonl")[0]["grad_norm"]
    assert steps[1e-6] == pytest.approx(steps[0.0])  # what is logged is the norm before clipping
    assert steps[0.0] > 1e-3
