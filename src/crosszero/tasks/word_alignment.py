"""Word alignment: link the words of translated sentences, and compare with links made by people.

The data are ``<data>/word-alignment/<pair>.src``, ``.tgt`` and ``.gold``
(:mod:`crosszero.align.gold`). Words are linked as ``crosszero align`` links them. Which layer
aligns best differs from model to model, so all layers can be had from one forward pass: their
predictions stand in ``word-alignment/layer-<n>/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from crosszero.align.aer import count_errors, score_alignment
from crosszero.align.gold import AlignmentSet, read_alignment_set, read_sides, split_base
from crosszero.align.link_reader import read_links
from crosszero.align.linker import warn_of_lost
from crosszero.align.long_texts import link_long
from crosszero.align.methods import METHOD, LinkConfig, Method
from crosszero.align.spans import Link, join_words
from crosszero.align.subtokens import Parts, encode_parts
from crosszero.errors import ConfigError, DataError
from crosszero.samples.gold import find_known
from crosszero.tasks.prediction_files import find_file, name_file, remove_files, write_lines
from crosszero.tasks.score import Score
from crosszero.tasks.task import Folder, Items, Languages, Measures, Task

Sentences = Sequence[Sequence[str]]
Links = list[frozenset[Link]]  # of each sentence pair
_CHUNK = 64  # sentence pairs whose vectors of all layers are held at once


class WordAlignment(Task):
    """The task ``word-alignment``; a "language" is a pair such as ``de-en``.

    ``de-en:1`` says that the gold file of that pair counts words from 1, where the file itself does
    not show it.

    Example:
        >>> task = WordAlignment()
        >>> encoder = Encoder.load("crosszero-mini")                       # doctest: +SKIP
        >>> task.predict(encoder, "data", "out", ["de-en"])                 # doctest: +SKIP
        [PosixPath('out/word-alignment/test-de-en.tsv')]
        >>> task.score("out", "data", ["de-en"])[0]                          # doctest: +SKIP
        Score(task='word-alignment', metric='aer', language='de-en', value=0.79..., count=100, ...)
    """

    name = "word-alignment"
    title = "AER"
    metric = "aer"
    unit = "sentence pairs"
    needs = "words"
    lower_is_better = True
    note = "AER: lower is better."
    data_setting = "alignment"
    pairs_of_languages = True
    options = MappingProxyType({"layers": None, "method": METHOD})
    rank = 70

    def list_languages(self, data: Folder) -> list[str]:
        """List the pairs that have a ``.gold``, ``.src`` or ``.tgt`` file, sorted."""
        paths = (Path(data) / self.name).glob("*")
        found = sorted({path.stem for path in paths if path.suffix in (".gold", ".src", ".tgt")})
        if not found:
            raise DataError(data, f"holds no gold alignments ({self.name}/<xx>-<yy>.gold)")
        return found

    def load(self, data: Folder, languages: Languages = None) -> Iterator[tuple[str, AlignmentSet]]:
        """Read the sentences and the gold links of each pair."""
        for pair, stem in self._choose(data, languages).items():
            yield pair, read_alignment_set(Path(data) / self.name / stem)

    def predict(
        self,
        encoder: Any,
        data: Folder,
        predictions: Folder,
        languages: Languages = None,
        *,
        layers: Literal["all"] | None = None,
        method: Method = METHOD,
    ) -> list[Path]:
        """Link the words of every sentence pair, write ``word-alignment/test-<pair>.tsv``.

        It has a line for each sentence pair with links ``i-j``, counted from 0. With `layers`
        ``"all"`` also ``word-alignment/layer-<n>/test-<pair>.tsv`` is written for each layer, from
        the same forward pass, which needs an :class:`Encoder`. Layers that stood there go.
        `method` is one of :class:`~crosszero.align.methods.LinkConfig`. A pair of which sentences
        are gold that the encoder was trained on is a ConfigError.
        """
        if layers not in (None, "all"):
            raise ConfigError(f"layers: {layers!r} given; 'all' or None is needed")
        if layers and not hasattr(encoder, "encode_subtoken_layers"):
            raise ConfigError("layers: 'all' needs an Encoder, which knows its layers")
        config = LinkConfig(method=method)
        numbers = range(1, encoder.backbone.layers + 1) if layers else ()
        names = [self.name, *(f"{self.name}/layer-{number}" for number in numbers)]
        written = []
        for pair in self._choose(data, languages):
            sides = read_sides(Path(data) / self.name / pair)
            _check_unknown(encoder, pair, *sides)
            found = _align(encoder, *sides, numbers, config)
            columns = zip(*found, strict=True)  # the links of each layer
            outputs = [name_file(predictions, name, pair) for name in names]
            remove_files(predictions, self.name, pair)
            for path, column in zip(outputs, columns, strict=True):
                written.append(write_links(path, column))
        return written

    def read_predictions(self, predictions: Folder, language: str, gold: AlignmentSet) -> Links:
        """Read the links of the encoder's own vectors, a line for each sentence pair."""
        return _read_links(find_file(predictions, self.name, language), gold)

    def measure(self, found: Links, gold: AlignmentSet) -> Measures:
        """Give ``aer``, ``precision``, ``recall`` and ``f1``."""
        result = score_alignment(found, gold.gold)
        metrics = ("aer", "precision", "recall", "f1")
        return {metric: (getattr(result, metric), len(gold.gold)) for metric in metrics}

    def score_language(self, predictions: Folder, language: str, gold: AlignmentSet) -> list[Score]:
        """Score the encoder's own vectors, then single layers where their files are there."""
        scores = super().score_language(predictions, language, gold)
        for layer, path in _find_layers(predictions, language).items():
            measures = self.measure(_read_links(path, gold), gold)
            scores += self.make_scores(language, measures, layer)
        return scores

    def count(self, found: Links, gold: AlignmentSet) -> Items:
        """Items are pairs of sentences: links but for the right ones, predicted and sure links."""
        return count_errors(found, gold.gold)

    def _choose(self, data: Folder, languages: Languages) -> dict[str, str]:
        """Pairs, and how they were asked for: with or without the base of their gold file."""
        found = self.list_languages(data)
        asked: dict[str, str] = {}
        for name in found if languages is None else languages:
            before = asked.setdefault(split_base(name)[0], name)
            if before != name:
                raise ConfigError(f"{before} and {name} given: name a pair of languages once")
        return {pair: asked[pair] for pair in self.pick_languages(found, list(asked))}


def write_links(path: Path, rows: Iterable[Iterable[Link]]) -> Path:
    """Write predicted links, ``i-j`` counted from 0, a line for each sentence pair."""
    return write_lines(path, (" ".join(f"{i}-{j}" for i, j in links) for links in rows))


def _read_links(path: Path, data: AlignmentSet) -> Links:
    """Read what :func:`write_links` wrote."""
    lengths = [(len(one), len(other)) for one, other in zip(data.source, data.target, strict=True)]
    found = read_links(path, lengths=lengths, base=0).rows
    for number, links in enumerate(found, start=1):
        for i, j in sorted(links.possible):
            raise DataError(path, f"{i}p{j}: a predicted link is written {i}-{j}", number)
    return [links.sure for links in found]


def _check_unknown(encoder: Any, pair: str, source: Sentences, target: Sentences) -> None:
    """See that an encoder was not trained on the gold links that it is to be measured by."""
    whole = hasattr(encoder, "backbone")  # an OnnxEncoder has a folder alone
    name = encoder.backbone.name if whole else getattr(encoder, "folder", None)
    if name is None:
        return
    known = find_known(name, *([" ".join(words) for words in side] for side in (source, target)))
    if known:
        raise ConfigError(
            f"{pair}: {name} was trained on the gold links of {len(known):,} of its "
            f"{len(source):,} sentence pairs (the first is line {known[0] + 1}); measure it on "
            "other pairs"
        )


def _align(
    encoder: Any, source: Sentences, target: Sentences, layers: Sequence[int], config: LinkConfig
) -> Iterator[list[list[Link]]]:
    """For each sentence pair the links of the encoder's own vectors, then of the layers."""
    lost = 0
    for start in range(0, len(source), _CHUNK):
        left, right = (
            _encode(encoder, side[start : start + _CHUNK], layers) for side in (source, target)
        )
        lost += sum(parts[0].lost for parts in (*left, *right))
        found = [
            link_long(list(zip(one, other, strict=True)), config)
            for one, other in zip(zip(*left, strict=True), zip(*right, strict=True), strict=True)
        ]
        for layered in zip(*found, strict=True):
            yield [[(link.source, link.target) for link in links] for links in layered]
    warn_of_lost(lost)


def _encode(encoder: Any, sentences: Sentences, layers: Sequence[int]) -> Sequence[Sequence[Parts]]:
    texts, spans = join_words(sentences)
    if layers:
        own = None if encoder.alignment_layer == "first-last" else encoder.alignment_layer
        found: list[list[Parts]] = encoder.encode_subtoken_layers(texts, spans, [own, *layers])
        return found
    return [[parts] for parts in encode_parts(encoder, texts, spans)]


def _find_layers(predictions: Folder, pair: str) -> dict[int, Path]:
    """The files of single layers that are there, lowest layer first."""
    name = WordAlignment.name
    folders = [path.name for path in (Path(predictions) / name).glob("layer-*")]
    numbers = [int(folder[6:]) for folder in folders if re.fullmatch("layer-[1-9][0-9]*", folder)]
    paths = {n: name_file(predictions, f"{name}/layer-{n}", pair) for n in sorted(numbers)}
    return {n: path for n, path in paths.items() if path.is_file()}


TASKS = (WordAlignment(),)
