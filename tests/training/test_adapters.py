"""LoRA: only adapters learn, the merged folder equals them and needs no peft, resuming is exact."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModel

from crosszero.cli import main
from crosszero.config import build, to_dict
from crosszero.errors import CheckpointError, ConfigError, MissingExtraError
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.inference import encode_sentences
from crosszero.model.saving import save_encoder
from crosszero.training.adapters import Adapters, choose_targets
from crosszero.training.loop import train
from crosszero.training.train_config import LoraConfig, TrainConfig
from tests.conftest import ARCHITECTURES

pytest.importorskip("peft")
Folders = Callable[..., Path]
TEXTS = ["the weather is good today", "猫 狗", "le chat voit la maison rouge"]
QUICK = {
    "batch_size": 8,
    "max_length": 32,
    "learning_rate": 1e-2,
    "schedule": "linear",
    "precision": "fp32",
    "log_every": 1,
    "checkpoint_every": 4,
    "lora": LoraConfig(rank=4, dropout=0.1),
}


def run(model: Path, store: Path, out: Path, *, resume: bool = False, **options: Any) -> Path:
    config = TrainConfig(**(QUICK | options))
    return train(model, store, config, out=out, resume=resume, show_progress=False)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_merged_folder_equals_the_adapters(
    model_folder: Folders,
    store_folder: Folders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """The encoder's own weights stay; vectors before the merge, after it, and from the folder."""
    before = Backbone.load(model_folder(kind), mlm=True).state_dict()
    seen: list[Any] = []
    merge = Adapters.merge

    def spy(self: Adapters) -> None:
        backbone = self._backbone
        own = {
            name.replace(".base_layer", ""): value.clone()
            for name, value in backbone.state_dict().items()
            if "lora_" not in name
        }
        seen.extend([own, encode_sentences(backbone, TEXTS, max_length=32)])
        merge(self)
        seen.append(encode_sentences(backbone, TEXTS, max_length=32))

    monkeypatch.setattr(Adapters, "merge", spy)
    out = run(model_folder(kind), store_folder(60), tmp_path / "run", steps=6)
    own, adapted, merged = seen
    assert own.keys() == before.keys()
    assert all(torch.equal(own[name], value) for name, value in before.items())
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "peft", None)  # the folder is a plain one
        loaded = Encoder.load(out).encode(TEXTS)
        model, info = AutoModel.from_pretrained(out, output_loading_info=True)
    assert not any("lora" in key for key in info["unexpected_keys"])
    assert not any("lora" in name for name, _ in model.named_parameters())
    torch.testing.assert_close(
        torch.from_numpy(merged), torch.from_numpy(adapted), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        torch.from_numpy(loaded), torch.from_numpy(adapted), atol=1e-5, rtol=0
    )
    plain = Encoder.load(model_folder(kind)).encode(TEXTS)
    assert abs(plain - loaded).max() > 1e-3  # it did learn
    whole = Backbone.load(out, mlm=True)
    assert whole.mlm_head is not None
    config = Backbone.load(model_folder(kind)).model.config
    assert whole.model.config.tie_word_embeddings == config.tie_word_embeddings
    with safe_open(out / "model.safetensors", "pt") as file:
        assert not any("lora" in key or "base_layer" in key for key in file.keys())  # noqa: SIM118


def test_sentence_transformers_loads_the_merged_folder(
    model_folder: Folders, store_folder: Folders, tmp_path: Path
) -> None:
    library = pytest.importorskip("sentence_transformers")
    out = run(model_folder(), store_folder(60), tmp_path / "run", steps=3)
    found = library.SentenceTransformer(str(out), device="cpu").encode(TEXTS)
    assert abs(found - Encoder.load(out).encode(TEXTS)).max() < 1e-5


def test_checkpoints_hold_adapters_only_and_resume_bit_for_bit(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crosszero.training.checkpoint import write_checkpoint

    whole = run(model_folder(), store_folder(60), tmp_path / "whole", steps=10)
    path = whole / "checkpoints" / "step-00000008" / "weights.safetensors"
    with safe_open(path, "pt") as file:
        names = set(file.keys())
    assert all("lora_" in name or name.startswith("head.") for name in names)
    assert sum("lora_A" in name for name in names) == sum("lora_B" in name for name in names) > 10

    def kill(*args: Any, **kwargs: Any) -> Path:
        saved = write_checkpoint(*args, **kwargs)
        if saved.name.endswith("4"):
            raise KeyboardInterrupt
        return saved

    out = tmp_path / "killed"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("crosszero.training.checkpoint_saver.write_checkpoint", kill)
        run(model_folder(), store_folder(60), out, steps=10)
    with pytest.raises(CheckpointError, match="started with lora"):
        run(model_folder(), store_folder(60), out, steps=10, resume=True, lora=None)
    run(model_folder(), store_folder(60), out, steps=10, resume=True)
    for name in ("model.safetensors", "projection.safetensors"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_targets_are_the_linear_layers_of_the_stack(model_folder: Folders, kind: str) -> None:
    backbone = Backbone.load(model_folder(kind), mlm=True)
    names = choose_targets(backbone)
    assert len(names) == backbone.layers * (4 if kind == "modernbert" else 6)
    assert not any("head" in name or "cls" in name or "pooler" in name for name in names)
    one = names[0].rpartition(".")[2]
    assert len(choose_targets(backbone, (one,))) == backbone.layers
    assert set(choose_targets(Backbone.load(model_folder(kind)))) == {
        name.removeprefix(backbone.model.base_model_prefix + ".") for name in names
    }
    with pytest.raises(ConfigError, match=rf"targets: '{one}s' given; did you mean '{one}'"):
        Adapters(backbone, LoraConfig(targets=(f"{one}s",)))


def test_a_missing_extra_is_one_line(
    model_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = Backbone.load(model_folder())
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"lora needs .*pip install 'crosszero\[peft\]'"):
        Adapters(backbone, LoraConfig())


def test_the_settings_in_a_recipe() -> None:
    given = {"lora": {"rank": 8, "targets": ["query"]}, "pack": "auto"}
    config = build(TrainConfig, given, where="train")
    assert config.lora == LoraConfig(rank=8, targets=("query",))
    assert config.pack == "auto"
    assert build(TrainConfig, to_dict(config), where="train") == config
    with pytest.raises(ConfigError, match="train: lora: unknown setting 'rnk': did you mean 'ran"):
        build(TrainConfig, {"lora": {"rnk": 8}}, where="train")
    with pytest.raises(ConfigError, match=r"'maybe' given; Allowed: auto; or .* true or false"):
        build(TrainConfig, {"pack": "maybe"}, where="train")


def test_the_flag(
    model_folder: Folders, store_folder: Folders, tmp_path: Path, capsys: Any
) -> None:
    """--lora alone takes the defaults, --lora.rank and its like imply it."""
    save_encoder(Backbone.load(model_folder(), mlm=True), tmp_path / "encoder")
    for number, (flags, rank) in enumerate(
        ((["--lora"], 16), (["--lora", "--lora.rank", "3", "--lora.targets", "query"], 3))
    ):
        out = tmp_path / str(number)
        command = ["train", store_folder(60), "--out", out, "--encoder", tmp_path / "encoder"]
        command += ["--steps", "1", "--batch-size", "4", "--max-length", "32", *flags]
        with pytest.raises(SystemExit) as caught:
            main([str(part) for part in command])
        assert caught.value.code == 0
        assert f'"rank": {rank}' in (out / "training.json").read_text()
    with pytest.raises(SystemExit) as caught:
        main([*map(str, command[:2]), "--out", str(tmp_path / "bad"), "--lora.rank", "0"])
    assert caught.value.code == 2
    assert "rank: 0 given" in capsys.readouterr().err
