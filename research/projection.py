"""How well labels are projected, on parallel text that people have annotated in each language.

Takes a folder of CoNLL files with the same sentences in the same order, one for each language, such
as the parallel treebanks of Universal Dependencies (``en_pud-ud-test.conllu``), or CoNLL files of
names (``en.conll``). The labels of the first language are carried to every other one, and held
against its own; links count from the scores that ``--min-scores`` names. With ``--simalign`` the
same is done with the links of the package simalign and the same encoder, by the simplest rule: each
target word takes the tag of a word that it is linked to. Run with::

    python -m research.projection --data PUD --encoder ENCODER --source en --simalign 8
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from crosszero.align.linker import WordLinker
from crosszero.align.methods import LinkConfig
from crosszero.align.spans import from_words
from crosszero.errors import ConfigError, DataError
from crosszero.experiment.table import Table, render_markdown
from crosszero.model.encoder import Encoder
from crosszero.projection.conll import TaggedWords, read_conll
from crosszero.projection.rules import TAG_SCORE, Rules
from crosszero.projection.spans import ScoredLinks, project_spans
from crosszero.projection.tags import are_spans, project_tags, read_tags, write_tags

Sentences = Sequence[Sequence[str]]
Link = Callable[[Sentences, Sentences], Iterable[ScoredLinks]]
_FILE = re.compile(r"([a-z]{2,3})[._-].*conllu?|([a-z]{2,3})\.(?:conllu?|bio|iob2?)")
_NO_TAG = "_"


def find_treebanks(folder: Path) -> dict[str, Path]:
    """Find the files of a folder by the language that their names begin with.

    Raises:
        ConfigError: there are not two languages, or one has two files.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if name := _FILE.fullmatch(path.name.removesuffix(".gz")):
            language = name[1] or name[2]
            if language in found:
                raise ConfigError(f"{path}: {found[language].name} is of the same language")
            found[language] = path
    if len(found) < 2:
        raise ConfigError(f"{folder}: files of two languages are needed, as en.conll, fr.conll")
    return found


def score_tags(found: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> float:
    """F1 of tags: of words, without those that have none; or of whole spans, if they are such."""
    if are_spans(tag for tags in gold for tag in tags):
        rows = [
            {(n, *label) for n, tags in enumerate(side) for label in read_tags(tags)}
            for side in (found, gold)
        ]
        hits, sizes = len(rows[0] & rows[1]), (len(rows[0]), len(rows[1]))
    else:
        words = [[t for tags in side for t in tags] for side in (found, gold)]
        hits = sum(one == other for one, other in zip(*words, strict=True))
        sizes = sum(tag != _NO_TAG for tag in words[0]), len(words[1])
    return 2 * hits / (sum(sizes) or 1)


def project_all(
    source: Sequence[TaggedWords],
    target: Sequence[TaggedWords],
    links: Iterable[ScoredLinks],
    rules: Rules,
) -> list[list[str]]:
    """Project the tags of each sentence."""
    spans = are_spans(tag for sentence in source for tag in sentence.tags)
    found = []
    for one, other, linked in zip(source, target, links, strict=True):
        if spans:
            labels = read_tags(one.tags)
            placed = project_spans(labels, linked, one.words, other.words, rules).labels
            found.append(write_tags(placed, len(other.words)))
        else:
            tags, _ = project_tags(
                one.tags, linked, len(other.words), min_score=rules.least(TAG_SCORE)
            )
            found.append(tags)
    return found


def copy_tags(
    source: Sequence[TaggedWords], target: Sequence[TaggedWords], links: Iterable[ScoredLinks]
) -> list[list[str]]:
    """The plain projection: each target word takes the tag of the first word it is linked to."""
    spans = are_spans(tag for sentence in source for tag in sentence.tags)
    found = []
    for one, other, linked in zip(source, target, links, strict=True):
        tags = ["O" if spans else _NO_TAG] * len(other.words)
        for i, j, _ in sorted(linked, reverse=True):
            tags[j] = one.tags[i]
        found.append(tags)
    return found


def link_by_simalign(folder: str, layer: int, method: str) -> Link:
    """The links of the package simalign: ``a`` (argmax) or ``i`` (itermax)."""
    from benchmarks.alignment_tools import make_simalign, run_simalign

    aligner = make_simalign(Path(folder), layer, method)
    return lambda source, target: [
        [(i, j, 1.0) for i, j in sorted(links)] for links in run_simalign(aligner, source, target)
    ]


def link_by_crosszero(encoder: str, threshold: float) -> Link:
    """The links of ``crosszero align`` by its default method."""
    config = LinkConfig(threshold=threshold)
    linker = WordLinker(Encoder.load(encoder, precision="fp32"), config)
    return lambda source, target: linker.link(
        [from_words(words) for words in source], [from_words(words) for words in target]
    )


def main(arguments: Sequence[str] | None = None) -> str:
    """Measure, print the table, and give it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of CoNLL files")
    parser.add_argument("--encoder", default="crosszero-mini")
    parser.add_argument("--source", default="en", help="language that the labels come from")
    parser.add_argument("--targets", nargs="+", help="by default all others")
    parser.add_argument("--column", type=int, help="of the tag, from 1")
    parser.add_argument(
        "--min-scores", type=float, nargs="+", help="a column for each; by default project's own"
    )
    parser.add_argument(
        "--simalign", type=int, metavar="LAYER", help="simalign, too, at this layer"
    )
    parser.add_argument("--simalign-method", choices=["a", "i"], default="i")
    given = parser.parse_args(arguments)
    files = find_treebanks(given.data)
    targets = given.targets or [code for code in files if code != given.source]
    if missing := {given.source, *targets} - {*files}:
        raise ConfigError(f"{given.data}: no file of {', '.join(sorted(missing))}")
    least = given.min_scores or [None]
    ours = link_by_crosszero(given.encoder, min(s or TAG_SCORE for s in least))
    theirs = None
    if given.simalign is not None:
        theirs = link_by_simalign(given.encoder, given.simalign, given.simalign_method)
    source = list(read_conll(files[given.source], column=given.column))
    rows = []
    for code in targets:
        target = list(read_conll(files[code], column=given.column))
        if len(target) != len(source):
            message = f"{len(target):,} sentences, {files[given.source]} has {len(source):,}"
            raise DataError(files[code], message)
        sides = [[sentence.words for sentence in side] for side in (source, target)]
        gold = [sentence.tags for sentence in target]
        links = list(ours(*sides))
        scores = [
            score_tags(project_all(source, target, links, Rules(min_score=score)), gold)
            for score in least
        ]
        if theirs is not None:
            links = list(theirs(*sides))
            scores.append(score_tags(copy_tags(source, target, links), gold))
            scores.append(score_tags(project_all(source, target, links, Rules()), gold))
        rows.append((f"{given.source}-{code}", *(f"{100 * score:.1f}" for score in scores)))
    columns = ["pair", *(f"crosszero {s}" if s is not None else "crosszero" for s in least)]
    columns += ["simalign", "simalign, our rules"] if theirs is not None else []
    table = Table(
        title=f"F1 of projected labels in per cent, {given.encoder}, {len(source):,} sentences",
        columns=tuple(columns),
        rows=tuple(rows),
    )
    text = render_markdown(table)
    print(text)
    return text


if __name__ == "__main__":
    main()
