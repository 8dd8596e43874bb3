"""An encoder is read as its folder says: compared with what sentence-transformers makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from crosszero.errors import CheckpointError, ConfigError, DataError
from crosszero.model.encoder import Encoder
from crosszero.model.options import BUNDLED

Folders = Callable[..., Path]
TEXTS = ["the weather is good today", "猫 狗", "le Chat VOIT la maison rouge " * 6, "الطقس اليوم"]
library = pytest.importorskip("sentence_transformers")
parts = pytest.importorskip("sentence_transformers.models")


def make(model: Path, folder: Path, *modules: Any, length: int = 24, **options: Any) -> Path:
    """A folder of sentence-transformers, written by itself."""
    lower = options.pop("lower", False)
    transformer = parts.Transformer(str(model), max_seq_length=length, do_lower_case=lower)
    library.SentenceTransformer(modules=[transformer, *modules], device="cpu", **options).save(
        str(folder), create_model_card=False
    )
    return folder


def compare(folder: Path, **options: Any) -> Encoder:
    """Our vectors and theirs; gives our encoder."""
    single = {"dtype": "float32"}
    theirs = library.SentenceTransformer(str(folder), device="cpu", model_kwargs=single)
    encoder = Encoder.load(folder, **options)
    ours = encoder.encode(TEXTS)
    assert ours.shape == (len(TEXTS), encoder.dimension)
    expected = theirs.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(ours, expected, atol=2e-5)
    return encoder


POOLINGS = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]


@pytest.mark.parametrize("mode", [*POOLINGS, ["cls", "mean"]])
def test_pooling(model_folder: Folders, tmp_path: Path, mode: Any) -> None:
    encoder = compare(make(model_folder(), tmp_path / "m", parts.Pooling(16, pooling_mode=mode)))
    assert encoder.pooling == (mode if isinstance(mode, str) else "cls+mean")


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "modernbert"])
def test_a_folder_that_says_nothing_is_the_mean_of_the_last_layer(
    model_folder: Folders, kind: str
) -> None:
    assert compare(model_folder(kind)).pooling == "mean"


def test_what_was_trained_here_is_first_and_last_layer(tmp_path: Path) -> None:
    mini = BUNDLED[0]
    shutil.copytree(Path(__file__).parents[2] / "src/crosszero/assets" / mini, tmp_path / "mini")
    encoder = compare(tmp_path / "mini")
    assert encoder.pooling == Encoder.load(mini).pooling == "first-last"
    np.testing.assert_array_equal(encoder.encode(TEXTS), Encoder.load(mini).encode(TEXTS))


def test_what_stands_behind_the_pooling(model_folder: Folders, tmp_path: Path) -> None:
    import torch

    tails: list[tuple[str, list[Any]]] = [
        ("cls+dense", [parts.Dense(16, 8), parts.Normalize()]),
        ("cls+dense", [parts.Normalize(), parts.Dense(16, 8, bias=False)]),
        ("cls+dense+dense", [parts.Dense(16, 24, activation_function=torch.nn.GELU())]),
        ("cls+layernorm", [parts.LayerNorm(16), parts.Dropout(0.5)]),
        ("cls+dense", [parts.Dense(16, 16, use_residual=True)]),
        ("cls+dense", [parts.Dense(16, 8, use_residual=True)]),
    ]
    tails[2][1].append(parts.Dense(24, 5, activation_function=torch.nn.Identity()))
    torch.nn.init.normal_(tails[3][1][0].norm.weight)
    for number, (name, tail) in enumerate(tails):
        folder = tmp_path / str(number)
        encoder = compare(make(model_folder(), folder, parts.Pooling(16, "cls"), *tail))
        assert encoder.pooling == name


def test_prompts_length_and_case(model_folder: Folders, tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "le roi : ", "other": "猫"}}
    for number, options in enumerate(
        [
            {"length": 7},
            {"lower": True},
            {**prompts, "default_prompt_name": "query"},
            {**prompts},
            {**prompts, "default_prompt_name": "query", "length": 7, "lower": True},
        ]
    ):
        compare(make(model_folder(), tmp_path / str(number), parts.Pooling(16), **options))
    for mode in POOLINGS:
        pooling = parts.Pooling(16, mode, include_prompt=False)
        options = {**prompts, "default_prompt_name": "query"}
        folder = make(model_folder(), tmp_path / mode, pooling, **options)
        compare(folder)
        theirs = library.SentenceTransformer(str(folder), device="cpu")
        ours = Encoder.load(folder)
        for prompt in ("猫 : ", ""):
            expected = theirs.encode(TEXTS, prompt=prompt, normalize_embeddings=True)
            np.testing.assert_allclose(ours.encode(TEXTS, prompt=prompt), expected, atol=2e-5)
        np.testing.assert_array_equal(
            ours.encode("猫", prompt=""), ours.encode(["猫"], prompt="")[0]
        )


def test_the_length_of_sentences_is_not_that_of_words(
    model_folder: Folders, tmp_path: Path
) -> None:
    folder = make(model_folder(), tmp_path / "m", parts.Pooling(16))
    path = folder / "sentence_bert_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_seq_length": 7}))
    encoder = compare(folder)
    assert encoder.encode_words([TEXTS[2]], [[(52, 57)]])[0].any()  # behind 7 tokens
    longer = Encoder.load(folder, max_length=9).encode(TEXTS)
    assert np.abs(longer - encoder.encode(TEXTS)).max() > 0.01


def test_weights_of_layers(model_folder: Folders, tmp_path: Path) -> None:
    import torch

    for weights, name in [
        ([0.5, 0.0, 2.0], "layers-1-3"),
        ([0.0, 1.0, 0.0], "layer-2"),
        ([3.0, 0.0, 3.0], "first-last"),
    ]:
        layers = parts.WeightedLayerPooling(16, 3, 1, torch.nn.Parameter(torch.tensor(weights)))
        folder = tmp_path / name
        transformer = parts.Transformer(
            str(model_folder()), config_args={"output_hidden_states": True}
        )
        library.SentenceTransformer(
            modules=[transformer, layers, parts.Pooling(16)], device="cpu"
        ).save(str(folder), create_model_card=False)
        settings = folder / "sentence_bert_config.json"
        found = json.loads(settings.read_text())
        settings.write_text(json.dumps(found | {"config_args": {"output_hidden_states": True}}))
        assert compare(folder).pooling == name


def test_the_layout_of_old(model_folder: Folders, tmp_path: Path) -> None:
    """Transformer in a folder of its own, settings of the pooling one by one."""
    new, old = make(model_folder(), tmp_path / "new", parts.Pooling(16, "max")), tmp_path / "old"
    shutil.copytree(new, old / "0_Transformer", ignore=shutil.ignore_patterns("1_*", "modules*"))
    (old / "1_Pooling").mkdir()
    modes = {f"pooling_mode_{name}": name == "max_tokens" for name in ("cls_token", "max_tokens")}
    (old / "1_Pooling/config.json").write_text(
        json.dumps({"word_embedding_dimension": 16, **modes})
    )
    kinds = {"0_Transformer": "Transformer", "1_Pooling": "Pooling"}
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(kinds.items())
    ]
    (old / "modules.json").write_text(json.dumps(modules))
    assert compare(old).pooling == "max"
    np.testing.assert_array_equal(Encoder.load(old).encode(TEXTS), Encoder.load(new).encode(TEXTS))


def test_another_pooling_than_the_folders(model_folder: Folders, tmp_path: Path) -> None:
    folder = make(model_folder(), tmp_path / "m", parts.Pooling(16, "cls"), parts.Dense(16, 8))
    for pooling in ("mean", "max", "cls"):
        other = make(model_folder(), tmp_path / pooling, parts.Pooling(16, pooling))
        found = Encoder.load(folder, pooling=pooling)
        assert found.pooling == pooling
        np.testing.assert_array_equal(found.encode(TEXTS), Encoder.load(other).encode(TEXTS))
    both = Encoder.load(folder, pooling="first-last", max_length=24)
    assert both.pooling == "first-last"
    np.testing.assert_array_equal(
        both.encode(TEXTS), Encoder(both.backbone, max_length=24).encode(TEXTS)
    )
    layer = Encoder.load(folder, layer=3)
    assert layer.pooling == "layer-3"
    assert layer.dimension == 16
    mean = Encoder.load(folder, pooling="mean").encode(TEXTS)
    np.testing.assert_allclose(layer.encode(TEXTS), mean, atol=1e-6)
    with pytest.raises(ConfigError, match="give only one of them"):
        Encoder.load(folder, layer=3, pooling="cls")
    with pytest.raises(ConfigError, match="did you mean 'mean'"):
        Encoder.load(folder, pooling="means")  # type: ignore[arg-type]


def test_what_can_not_be_followed_is_not_passed_over(model_folder: Folders, tmp_path: Path) -> None:
    good = make(model_folder(), tmp_path / "m", parts.Pooling(16, "cls"), parts.Dense(16, 8))
    dense = json.loads((good / "2_Dense/config.json").read_text())
    modules = json.loads((good / "modules.json").read_text())

    def spoil(file: str, content: Any) -> Path:
        folder = tmp_path / f"bad-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(good, folder)
        path = folder / file
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return folder

    def of_kind(kind: str) -> list[dict[str, Any]]:
        return [*modules[:2], modules[2] | {"type": kind}]

    for folder, message in [
        (spoil("modules.json", of_kind("mine.Dense")), "'mine.Dense'; crosszero supports "),
        (spoil("modules.json", of_kind("sentence_transformers.models.LSTM")), "uses 'LSTM'"),
        (spoil("modules.json", [modules[0]]), "has no Pooling module"),
        (spoil("modules.json", [{"idx": 0}]), "is not supported: 'type'"),
        (spoil("1_Pooling/config.json", {"pooling_mode": "clss"}), "did you mean 'cls'"),
        (spoil("2_Dense/config.json", dense | {"activation_function": "os.system"}), "os.system"),
        (spoil("2_Dense/config.json", dense | {"in_features": 5}), "do not fit its config"),
        (spoil("2_Dense/config.json", dense | {"in_features": "x"}), "is not supported"),
        (spoil("2_Dense/config.json", dense | {"module_input_name": "token_embeddings"}), "tokens"),
        (spoil("2_Dense/model.safetensors", "nothing"), "can't be read"),
    ]:
        with pytest.raises(CheckpointError, match=message) as caught:
            Encoder.load(folder)
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)
        if "modules.json" not in message:
            assert Encoder.load(folder, pooling="cls").pooling == "cls"
    weights = load_file(good / "2_Dense/model.safetensors")
    weights["linear.weight"][0, 0] = torch.nan
    save_file(weights, good / "2_Dense/model.safetensors")
    with pytest.raises(CheckpointError, match="2_Dense are not finite"):
        Encoder.load(good)
    (good / "2_Dense/model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        Encoder.load(good)
    with pytest.raises(DataError, match=r"modules\.json: damaged"):
        Encoder.load(spoil("modules.json", "[{"))
