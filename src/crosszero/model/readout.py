"""How the hidden states of a text become its vector: as the folder of the encoder says.

sentence-transformers describes it in ``modules.json``, and crosszero writes the same files beside
what it trains. A folder that says nothing is read as sentence-transformers reads it: the mean of
the last layer. Reading an encoder in another way than it was trained costs several points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers.normalizers import Lowercase
from torch import Tensor, nn

from crosszero.config import read_json
from crosszero.errors import CheckpointError, ConfigError, quote, suggest
from crosszero.model.loading import find_file
from crosszero.model.options import Pooling, PoolingMode
from crosszero.model.pooling import pool_sentences

_MODES: tuple[PoolingMode, ...] = get_args(PoolingMode)
_OLD_MODES = {  # of sentence-transformers before 6, in the order in which they are joined
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = ("ELU", "GELU", "Identity", "LeakyReLU", "Mish", "ReLU", "SiLU", "Sigmoid", "Tanh")
_KINDS = ("Transformer", "WeightedLayerPooling", "Pooling", "Dense", "LayerNorm", "Normalize")
SETTINGS = [  # of the transformer, by the class that sentence-transformers once had for it
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
]


_normalise = partial(nn.functional.normalize, dim=-1)


@dataclass(frozen=True, kw_only=True)
class Readout:
    """How texts are read, and their hidden states made one unit vector.

    Attributes:
        layers: what is read: layers from 1, from -1 backwards, or ``None`` for first + last.
        weights: of each of `layers` in their mean.
        modes: how tokens are pooled; the results of several stand side by side.
        tail: what the pooled vector goes through.
        prompt: stands before every text.
        pools_prompt: whether the tokens of the prompt are pooled, too.
        lower_case: whether texts are lower-cased.
        max_length: tokens of a text; ``None`` for as many as the model takes.
    """

    layers: tuple[int | None, ...] = (None,)
    weights: tuple[float, ...] = (1.0,)
    modes: tuple[PoolingMode, ...] = ("mean",)
    tail: tuple[Callable[[Tensor], Tensor], ...] = ()
    prompt: str = ""
    pools_prompt: bool = True
    lower_case: bool = False
    max_length: int | None = None

    @property
    def name(self) -> str:
        """What records call it, such as ``first-last``, ``cls`` or ``mean+dense``."""
        layers = "layers-" + "-".join(map(str, self.layers))
        if len(self.layers) == 1:
            layers = {None: "first-last", -1: ""}.get(self.layers[0], f"layer-{self.layers[0]}")
        parts = [layers, *(m for m in self.modes if not layers or self.modes != ("mean",))]
        parts += [type(part).__name__.lower() for part in self.tail if isinstance(part, nn.Module)]
        return "+".join(filter(None, parts))

    def width(self, hidden_size: int) -> int:
        """Columns of the vectors."""
        width = hidden_size * len(self.modes)
        for part in self.tail:
            width = part.linear.out_features if isinstance(part, Dense) else width
        return width

    def to(self, device: torch.device) -> None:
        """Move what has weights of its own."""
        for part in self.tail:
            if isinstance(part, nn.Module):
                part.to(device)

    def prepare(self, text: str) -> str:
        """Give the text that is tokenised."""
        text = self.prompt + text
        return str(Lowercase().normalize_str(text)) if self.lower_case else text

    def pool(self, hidden: Sequence[Tensor], mask: Tensor) -> Tensor:
        """Give unit vectors.

        Args:
            hidden: (batch, tokens, H) of each of `layers`.
            mask: (batch, tokens), 1 for the tokens to pool.

        Returns:
            (batch, width).
        """
        mixed = hidden[0]
        if len(hidden) > 1:
            wide = torch.promote_types(mixed.dtype, torch.float32)
            parts = [w * h.to(wide) for w, h in zip(self.weights, hidden, strict=True)]
            mixed = torch.stack(parts).sum(dim=0) / sum(self.weights)
        vectors = torch.cat([pool_sentences(mixed, mask, mode) for mode in self.modes], dim=-1)
        for part in self.tail:
            vectors = part(vectors)
        return _normalise(vectors)


FIRST_LAST = Readout()
"""What crosszero trains: mean over all tokens of first + last layer."""


class Dense(nn.Module):
    """sentence-transformers' linear layer behind the pooling."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        width, out = int(settings["in_features"]), int(settings["out_features"])
        self.linear = nn.Linear(width, out, bias=settings.get("bias", True))
        name = str(settings.get("activation_function", "torch.nn.Tanh"))
        kind = name.rpartition(".")[2]
        if not name.startswith("torch.nn.") or kind not in _ACTIVATIONS:
            raise ValueError(f"activation {quote(name)}; {suggest(kind, _ACTIVATIONS)}")
        self.activation = getattr(nn, kind)()
        self.residual: nn.Module | None = None
        if settings.get("use_residual"):
            self.residual = nn.Identity() if width == out else nn.Linear(width, out, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:  # (batch, in) -> (batch, out)
        made: Tensor = self.activation(self.linear(vectors))
        return made if self.residual is None else made + self.residual(vectors)


def read_readout(name: str | Path, pooling: Pooling | None = None) -> Readout:
    """Find out how an encoder is to be read.

    Args:
        name: ``crosszero-mini``, a folder or a hub id.
        pooling: read it like that instead: ``first-last``, or one of the last layer; what the
            folder says of texts (prompt, length, case) stays.

    Raises:
        CheckpointError: the folder asks for what crosszero does not know.
        ConfigError: there is no such pooling.
        DataError: a file of it is damaged.

    Example:
        >>> read_readout("crosszero-mini").name
        'first-last'
    """
    if pooling is not None and pooling not in get_args(Pooling):
        raise ConfigError(f"pooling: {quote(pooling)} given; {suggest(pooling, get_args(Pooling))}")
    path = find_file(name, "modules.json")
    modules = read_json(path, list[dict[str, Any]]) if path else []
    try:
        readout = _read_settings(name, modules)
        if pooling is not None:
            last = replace(readout, modes=("mean" if pooling == "first-last" else pooling,))
            return replace(last, layers=(None,)) if pooling == "first-last" else last
        for module in modules:
            readout = _add_module(readout, name, module)
        if modules and not any(_kind(module) == "Pooling" for module in modules):
            raise ValueError("it has no Pooling module, so it gives no sentence vectors")
        if readout.tail[-1:] == (_normalise,):  # which is done at the end in any case
            readout = replace(readout, tail=readout.tail[:-1])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{name}: its modules.json is not supported: {error}") from error
    return readout


def _read_settings(name: str | Path, modules: Sequence[Mapping[str, Any]]) -> Readout:
    """The last layer's mean, with what the folder says of texts."""
    readout = Readout(layers=(-1,))
    if not modules:
        return readout
    for file in SETTINGS:
        if path := find_file(name, f"{modules[0].get('path', '')}/{file}".lstrip("/")):
            found = read_json(path, dict[str, Any])
            length, lower = found.get("max_seq_length"), bool(found.get("do_lower_case"))
            readout = replace(readout, max_length=length and int(length), lower_case=lower)
            break
    if path := find_file(name, "config_sentence_transformers.json"):
        found = read_json(path, dict[str, Any])
        prompts, chosen = found.get("prompts") or {}, found.get("default_prompt_name")
        readout = replace(readout, prompt=str(prompts.get(chosen) or ""))
    return readout


def _kind(module: Mapping[str, Any]) -> str:
    """Name of a class of sentence-transformers; of another one with all that stands before it."""
    name = str(module["type"])
    return name.rpartition(".")[2] if name.startswith("sentence_transformers.") else name


def _add_module(readout: Readout, name: str | Path, module: Mapping[str, Any]) -> Readout:
    """The readout with one more module of ``modules.json``."""
    kind, folder = _kind(module), str(module.get("path", ""))
    path = find_file(name, f"{folder}/config.json") if folder and kind != "Transformer" else None
    settings = read_json(path, dict[str, Any]) if path else {}
    if settings.get("module_input_name", "sentence_embedding") != "sentence_embedding":
        kind = f"{kind} of tokens"
    if kind == "WeightedLayerPooling":
        each = _read_weights(name, folder)["layer_weights"].tolist()
        first = int(settings["layer_start"])
        used = {n: w for n, w in enumerate(each, start=first) if w}
        if not used or min(used) < 1:
            raise ValueError("its WeightedLayerPooling reads the embeddings below the first layer")
        last = first + len(each) - 1
        if set(used) == {last}:
            return replace(readout, layers=(-1,))
        if set(used) == {1, last} and len(set(used.values())) == 1:
            return replace(readout, layers=(None,))
        return replace(readout, layers=tuple(used), weights=tuple(used.values()))
    if kind == "Pooling":
        found = settings.get("pooling_mode")
        if found is None:
            found = [mode for old, mode in _OLD_MODES.items() if settings.get(old)] or "mean"
        modes = tuple([found] if isinstance(found, str) else found)
        if unknown := [mode for mode in modes if mode not in _MODES]:
            raise ValueError(f"pooling {quote(unknown[0])}; {suggest(str(unknown[0]), _MODES)}")
        return replace(readout, modes=modes, pools_prompt=settings.get("include_prompt", True))
    if kind in ("Dense", "LayerNorm"):
        made = Dense(settings) if kind == "Dense" else nn.LayerNorm(int(settings["dimension"]))
        weights = _read_weights(name, folder)
        try:
            made.load_state_dict({k.removeprefix("norm."): v for k, v in weights.items()})
        except RuntimeError as error:
            raise ValueError(f"the weights in {folder} do not fit its config.json") from error
        return replace(readout, tail=(*readout.tail, made.eval()))
    if kind == "Normalize":
        return replace(readout, tail=(*readout.tail, _normalise))
    if kind not in ("Transformer", "Dropout"):
        raise ValueError(
            f"it uses {quote(kind)}; crosszero supports {', '.join(_KINDS)}. To ignore "
            "modules.json, give pooling: mean, cls, max or first-last"
        )
    return readout


def _read_weights(name: str | Path, folder: str) -> dict[str, Tensor]:
    path = find_file(name, f"{folder}/model.safetensors")
    try:
        if path is not None:
            weights = load_file(path)
            if all(bool(value.isfinite().all()) for value in weights.values()):
                return weights
            raise ValueError(f"the weights in {folder} are not finite")
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path} can't be read ({error})") from error
    raise ValueError(
        f"{folder} has no model.safetensors; other formats can run code when they are loaded and "
        "are not read"
    )
