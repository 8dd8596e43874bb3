"""An encoder with a smaller vocabulary: on text that it covers, the same tokens and vectors.

Of multilingual-e5-small's 118 million parameters 96 million are token embeddings, of which six
languages use an eighth. Trimmed, an encoder takes less room on disk and in memory, and training,
which moves the whole table at each step, and masked language modelling, which scores every token,
are faster.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from crosszero.align.gold import GOLD, GOLD_HASHES
from crosszero.align.spans import Span
from crosszero.bitext.folding import has_text
from crosszero.config import read_json
from crosszero.errors import CheckpointError, ConfigError, CrosszeroError
from crosszero.files import check_output
from crosszero.folders import atomic_folder
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.loading import find_file, find_folder, locate_encoder, quiet_transformers
from crosszero.model.parts import PROJECTION
from crosszero.model.readout import SETTINGS, read_readout
from crosszero.model.saving import save_tokenizer, write_layers
from crosszero.model.token_choice import choose_tokens, count_tokens, find_scripts, list_scripts
from crosszero.model.tokens import Tokens
from crosszero.model.vocabulary import Vocabulary
from crosszero.model.word_layers import find_alignment_layer, read_own_layers
from crosszero.search.neighbours import AnyFloats

_BESIDE = (
    "config_sentence_transformers.json", PROJECTION, GOLD_HASHES, "README.md", "LICENSE",
    "NOTICE",
)  # fmt: skip
_LINES, _LONGEST, _RUN = 1000, 128, 8  # texts, and tokens of each, to try; texts to run
_NEAR = 1e-4


@dataclass(frozen=True)
class Trimmed:
    """What trimming did to an encoder.

    Attributes:
        tokens: of the vocabulary, before and after.
        size: bytes of the weights, before and after, in the number format that both are stored in.
        counted: tokens of the texts.
        missed: how many of them are written with other tokens now, or are unknown.
    """

    tokens: tuple[int, int]
    size: tuple[int, int]
    counted: int
    missed: int


def trim_encoder(
    name: str | Path,
    out: str | Path,
    *,
    texts: Sequence[str] = (),
    languages: Collection[str] = (),
    least: int = 1,
    check: Sequence[str] = (),
) -> Trimmed:
    """Write an encoder with the tokens that some texts or languages need, and no others.

    Special tokens stay, and so do all single characters of the scripts concerned: what is not
    covered falls back to smaller tokens, rarely to the unknown one. MLM head, projection head, the
    files of sentence-transformers, the layers of ``crosszero.json`` and what tells the gold
    sentences that the encoder was trained on come along.

    Args:
        name: ``crosszero-mini``, a folder or a hub id.
        out: the new folder.
        texts: tokens that occur in them are kept. They are covered with ``least=1``.
        languages: codes; all tokens are kept that are written in the scripts of these languages.
            Any text in the scripts is covered then. That is far more than the languages need:
            English and French keep whatever is written in Latin letters.
        least: tokens that occur less often in `texts` are dropped.
        check: texts to count the tokens of that are not kept; without them `texts`.

    Raises:
        ConfigError: neither texts nor languages are given, the texts are empty, there is no such
            language, or `least` is given without texts.
        CheckpointError: the encoder can't be loaded, or its tokeniser can't be trimmed.

    Example:
        >>> lines = Path("corpus.txt").read_text().splitlines()      # doctest: +SKIP
        >>> trim_encoder("intfloat/multilingual-e5-small", "e5-mine", texts=lines)  # doctest: +SKIP
    """
    if not texts and not languages:
        raise ConfigError("give text or languages: they determine which tokens are kept")
    if least < 1:
        raise ConfigError(f"least: {least} given; 1 or more occurrences are needed")
    if least > 1 and not texts:
        raise ConfigError(f"least: {least} given, but it counts in text; give text, or remove it")
    given, texts, check = texts, list(filter(has_text, texts)), list(filter(has_text, check))
    if given and not texts:
        raise ConfigError("the text has empty lines only; give text whose tokens are to be kept")
    check_output(out, inputs=[name], folder=True)
    if Path(out).is_dir() and any(Path(out).iterdir()):
        raise ConfigError(f"--out {out}: the folder is not empty; name a new one")
    scripts = list_scripts(languages)
    backbone = Backbone.load(name, mlm=True)
    if backbone.mlm_head is None:  # a head that the checkpoint lacks was made up at random
        backbone = Backbone.load(name)
    vocabulary = Vocabulary(backbone.tokenizer, name=str(name))
    kept = vocabulary.list_fixed() | set(_list_ids(backbone.model.config).values())
    counts, tried = count_tokens(vocabulary, texts)
    kept.update(tried, np.flatnonzero(counts >= least).tolist())
    readout = read_readout(name)
    if readout.prompt or readout.lower_case:  # sentences are read so, words are not
        prepared, tried = count_tokens(vocabulary, [readout.prepare(text) for text in texts])
        kept.update(tried, np.flatnonzero(prepared >= least).tolist())
    kept |= choose_tokens(vocabulary, find_scripts(texts), longest=1)
    if scripts:
        kept |= choose_tokens(vocabulary, scripts)
    if backbone.first_position:  # the RoBERTa family counts positions from that of the padding
        kept.update(range(int(backbone.tokenizer.pad_token_id) + 1))
    tokens = sorted(vocabulary.close(kept & vocabulary.pieces.keys()))

    dtype = _read_dtype(name)
    rows, size = len(backbone.table.weight), _measure_size(backbone, dtype)
    layers = read_own_layers(name, backbone)._asdict()
    if layers["alignment_layer"] is None:  # LaBSE is known by the size of its vocabulary
        layers["alignment_layer"] = find_alignment_layer(backbone)
    trial = _Trial(name, backbone, [*texts[:_LINES], *check[:_LINES]], tokens)
    _cut_model(backbone, tokens)
    with atomic_folder(out) as folder, quiet_transformers():
        try:
            cast(nn.Module, backbone.model).to(dtype)
            backbone.model.save_pretrained(folder)
        except SafetensorError as error:  # which is no OSError
            raise CrosszeroError(
                f"{out}: can't be written ({error}); free some space there"
            ) from error
        save_tokenizer(backbone.tokenizer, folder)
        content = vocabulary.shorten(tokens)
        (folder / "tokenizer.json").write_text(content, encoding="utf-8")
        _carry(name, folder)
        write_layers(folder, **layers)
        for path in folder.rglob("*.safetensors"):
            path.chmod(0o644)
        trial.repeat(folder, Backbone.load(folder, mlm=backbone.mlm_head is not None))
    counts = count_tokens(vocabulary, check)[0] if check else counts
    total, there = int(counts.sum()), int(counts[tokens].sum())
    sizes = size, _measure_size(backbone, dtype)
    return Trimmed((rows, len(tokens)), sizes, counted=total, missed=total - there)


class _Trial:
    """What an encoder makes of some texts, to be seen again after it has been trimmed.

    Args:
        name: of the encoder before.
        backbone: its model.
        texts: of which those are looked at that `tokens` cover.
        tokens: numbers of the tokens that stay.
    """

    def __init__(
        self, name: str | Path, backbone: Backbone, texts: Sequence[str], tokens: Sequence[int]
    ) -> None:
        self._name, self._tokens = name, tokens
        self._pieces = _list_pieces(backbone, tokens)
        self._length = min(backbone.max_length, _LONGEST)
        there = set(tokens)
        rows = [(x, y) for x, y in self._read(backbone, texts) if there.issuperset(y.ids)]
        self._texts, self._rows = [x for x, _ in rows], [y.ids for _, y in rows]
        short = [x[: y.ends[-1]] if y.truncated else x for x, y in rows[:_RUN]]
        prepare = read_readout(name).prepare
        both = (backbone.tokenize([change(x) for x in short], None) for change in (str, prepare))
        self._short = [
            x for x, *some in zip(short, *both, strict=True)
            if all(there.issuperset(y.ids) for y in some)
        ]  # fmt: skip
        self._vectors = self._run(name, backbone)

    def repeat(self, folder: Path, backbone: Backbone) -> None:
        """See that the trimmed encoder has the tokens and gives the same, or CheckpointError."""
        rows = [[self._tokens[i] for i in y.ids] for _, y in self._read(backbone, self._texts)]
        new = range(len(self._tokens))
        if rows != self._rows or _list_pieces(backbone, new) != self._pieces:
            raise CheckpointError(
                f"{self._name}: can't be trimmed: its tokeniser would split texts differently"
            )
        for old, found in zip(self._vectors, self._run(folder, backbone), strict=True):
            near = _NEAR * max(1.0, float(np.abs(old).max(initial=0.0)))
            if found.shape != old.shape or not np.allclose(found, old, rtol=0, atol=near):
                raise CheckpointError(f"{self._name}: can't be trimmed: its vectors would change")

    def _read(self, backbone: Backbone, texts: Sequence[str]) -> Iterator[tuple[str, Tokens]]:
        return zip(texts, backbone.tokenize(texts, self._length), strict=True)

    def _run(self, name: str | Path, backbone: Backbone) -> list[AnyFloats]:
        """Vectors of a few texts, of their words, and those that words are linked by."""
        own = read_own_layers(name, backbone)._asdict()
        encoder = Encoder(backbone, readout=read_readout(name), **own)
        spans = [[Span(*m.span()) for m in re.finditer(r"\S+", text)] for text in self._short]
        return [
            encoder.encode(self._short),
            *encoder.encode_words(self._short, spans),
            *(parts.vectors for parts in encoder.encode_subtokens(self._short, spans)),
        ]


def _list_pieces(backbone: Backbone, tokens: Iterable[int]) -> list[str]:
    return cast(list[str], backbone.tokenizer.convert_ids_to_tokens(list(tokens)))


def _list_ids(config: Any) -> dict[str, int]:
    """The settings of a model that are numbers of tokens."""
    found = {key: value for key, value in config.to_dict().items() if key.endswith("_token_id")}
    return {key: value for key, value in found.items() if isinstance(value, int) and value >= 0}


def _read_dtype(name: str | Path) -> torch.dtype:
    """The number format of an encoder's weights, where it is one; float32 where it is not known."""
    path = find_file(locate_encoder(name), "model.safetensors")
    if path is None:  # in several files
        return torch.float32
    with safe_open(path, "pt") as file:
        kinds = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
    kinds -= {"I64", "I32"}  # numbers of positions
    known = {"F16": torch.float16, "BF16": torch.bfloat16}
    return known.get("".join(kinds), torch.float32)


def _measure_size(backbone: Backbone, dtype: torch.dtype) -> int:
    return sum(x.numel() * dtype.itemsize for x in backbone.model.parameters())


def _cut_model(backbone: Backbone, tokens: Sequence[int]) -> None:
    """Leave the rows of some tokens in the embeddings and in the MLM head."""
    model, table = backbone.model, backbone.table
    rows, chosen = len(table.weight), torch.tensor(tokens)
    old: list[Tensor] = [table.weight]
    head = getattr(model.get_output_embeddings(), "weight", None)
    if head is not None and len(head) == rows:  # DeBERTa names a layer that gives no tokens
        old.append(head)
    inside = {id(x) for x in backbone.base.parameters()}
    old += [x for x in model.parameters() if x.shape == (rows,) and id(x) not in inside]  # biases
    new = {id(x): nn.Parameter(x.detach()[chosen]) for x in old}
    for module in model.modules():  # what is tied stays tied
        for key, parameter in module._parameters.items():
            if parameter is not None and id(parameter) in new:
                module._parameters[key] = new[id(parameter)]
    places = {token: i for i, token in enumerate(tokens)}
    model.config.vocab_size = len(tokens)
    for key, value in _list_ids(model.config).items():
        setattr(model.config, key, places.get(value))


def _carry(name: str | Path, folder: Path) -> None:
    """Copy what stands beside a model: how others and we read it, heads, gold, the card."""
    files = {file: file for file in _BESIDE}
    path = find_file(name, "modules.json")
    modules = read_json(path, list[dict[str, Any]]) if path else []
    for module in modules:
        inside = f"{module['path']}/" if module.get("path") else ""
        if str(module["type"]).endswith(".Transformer"):  # its folder becomes the root
            files |= {inside + file: file for file in SETTINGS}
            module["path"] = ""
        elif inside:
            files |= {inside + file: inside + file for file in ("config.json", "model.safetensors")}
    for source, goal in files.items():
        if found := find_file(name, source):
            (folder / goal).parent.mkdir(exist_ok=True, parents=True)
            shutil.copyfile(found, folder / goal)
    gold = find_folder(name) / GOLD
    if gold.is_dir():
        shutil.copytree(gold, folder / GOLD)
    if modules:
        (folder / "modules.json").write_text(json.dumps(modules, indent=2), encoding="utf-8")
