"""What holds labels: CoNLL files, JSONL with character spans, lines with inline markup."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from crosszero.align.linked_pairs import is_index
from crosszero.align.spans import LinkedPair, from_words
from crosszero.bitext.decoding import find_control
from crosszero.bitext.lines import MAX_ROW, require_lines, split_words
from crosszero.config import require
from crosszero.errors import ConfigError, DataError, quote
from crosszero.projection.conll import TaggedWords, read_conll
from crosszero.projection.elements import project_markup
from crosszero.projection.labelled_texts import Carried, Format, Labelled, Lost
from crosszero.projection.markup import Marked, find_missing, read_markup
from crosszero.projection.rules import TAG_SCORE, Dropped, Label, Rules
from crosszero.projection.spans import project_spans
from crosszero.projection.tags import (
    UNLINKED,
    Scheme,
    find_scheme,
    project_tags,
    read_tags,
    write_tags,
)
from crosszero.projection.words import project_characters

LabelFormat = Literal["conll", "spans", "markup"]
_LOOK = 1_000  # sentences by which one sees whether tags are those of spans


class Conll:
    """A tag for each word.

    Args:
        rules: for spans; `min_score` for tags of words, too.
        column: of the tag, from 1; see :func:`~crosszero.projection.conll.read_conll`.
        unlinked: tag of a word without link, where tags are those of words.
    """

    def __init__(
        self, rules: Rules, *, column: int | None = None, unlinked: str = UNLINKED
    ) -> None:
        self._rules, self._column, self._unlinked = rules, column, unlinked
        self._scheme: Scheme | None = None

    def read(self, path: str | Path) -> Iterator[Labelled]:
        """See :class:`Format`."""
        sentences = read_conll(path, column=self._column)
        first = list(islice(sentences, _LOOK))
        tags = [tag for sentence in first for tag in sentence.tags]
        try:
            self._scheme = find_scheme(tags)
        except ValueError as error:
            raise DataError(path, str(error), first[0].line) from error
        if self._scheme is None:
            self._refuse_rules_of_spans(path)
        elif self._unlinked != UNLINKED:
            raise ConfigError(
                f"unlinked: {quote(self._unlinked)} given, but {path} has labels over words, not a "
                "tag for each word; leave it out"
            )
        for sentence in chain(first, sentences):
            labels: list[Label] | TaggedWords = sentence
            if self._scheme is not None:
                try:
                    labels = read_tags(sentence.tags, self._scheme)
                except ValueError as error:
                    raise DataError(path, str(error), sentence.line) from error
            yield Labelled(from_words(sentence.words), labels, sentence.line)

    def _refuse_rules_of_spans(self, path: str | Path) -> None:
        usual = Rules()
        names = ("gap", "broken", "coverage", "copies")
        given = [name for name in names if getattr(self._rules, name) != getattr(usual, name)]
        if given:
            raise ConfigError(
                f"{', '.join(given)}: for labels over words, but {path} has a tag for each word "
                "(parts of speech); leave it out, or name the column of the labels (--column)"
            )

    def carry(self, labelled: Labelled, texts: LinkedPair) -> Carried:
        """See :class:`Format`."""
        source, target = (
            [text.text[a:b] for a, b in text.spans] for text in (texts.source, texts.target)
        )
        if not target:
            raise ValueError(
                "has no words, and CoNLL has no sentence without words: translate it, or leave it "
                "out of both files"
            )
        if self._scheme is None:
            given = labelled.labels.tags
            tags, dropped = project_tags(
                given,
                texts.links,
                len(target),
                min_score=self._rules.least(TAG_SCORE),
                unlinked=self._unlinked,
            )
            lost = [Lost(given[n], source[n], reason) for n, reason in dropped]
        else:
            given = labelled.labels
            found = project_spans(given, texts.links, source, target, self._rules)
            tags = write_tags(found.labels, len(target), self._scheme)
            lost = _name(
                found.dropped, given, lambda label: " ".join(source[label.first : label.end])
            )
        rows = [f"{word}\t{tag}" for word, tag in zip(target, tags, strict=True)]
        return Carried([*rows, ""], len(given) - len(lost), lost)


class Spans:
    """Lines ``{"text": ..., "spans": [[start, end, label], ...]}``; other keys stay as they are."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def read(self, path: str | Path) -> Iterator[Labelled]:
        """See :class:`Format`."""
        for number, line in enumerate(require_lines(path, longest=MAX_ROW), start=1):
            try:
                row = json.loads(line)
                text = row["text"]
                labels = [Label(*span) for span in row["spans"]]
                if not isinstance(text, str):
                    raise TypeError
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                message = 'is not {"text": ..., "spans": [[start, end, label], ...]}'
                raise DataError(path, message, number) from error
            for label in labels:
                places = is_index(label.first) and is_index(label.end)
                if not places or not isinstance(label.name, str):
                    message = (
                        f"{quote(list(label))} is not a span [start, end, label]: two whole "
                        "numbers from 0, and a text"
                    )
                    raise DataError(path, message, number)
                if not label.first <= label.end <= len(text):
                    message = f"span {label.first} to {label.end}, but the text ends at {len(text)}"
                    raise DataError(path, message, number)
            for one in (text, *(label.name for label in labels)):
                if (problem := find_control(one)) and problem.reason == "not text":
                    raise DataError(path, problem.message, number)
            yield Labelled(text, (labels, _split_row(line)), number)

    def carry(self, labelled: Labelled, texts: LinkedPair) -> Carried:
        """See :class:`Format`."""
        labels, entries = labelled.labels
        placed, dropped = project_characters(
            labels, texts.links, texts.source, texts.target, self._rules
        )
        text = texts.source.text
        lost = _name(dropped, labels, lambda label: text[label.first : label.end])
        new = {"text": texts.target.text, "spans": [list(label) for _, label in placed]}
        entries = entries | _split_row(json.dumps(new, ensure_ascii=False))
        return Carried([f"{{{', '.join(entries.values())}}}"], len(labels) - len(lost), lost)


def _split_row(line: str) -> dict[str, str]:
    """The entries of an object of JSON by their keys, each as it is written."""

    def skip(at: int) -> int:
        while line[at] in " \t\r:,":
            at += 1
        return at

    decode, entries, start = json.JSONDecoder().raw_decode, dict[str, str](), skip(1)
    while line[start] != "}":
        key, end = decode(line, start)
        _, end = decode(line, skip(end))
        entries[key] = line[start:end]
        start = skip(end)
    return entries


class Markup:
    """Lines with inline tags of XML or HTML and with placeholders."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def read(self, path: str | Path) -> Iterator[Labelled]:
        """See :class:`Format`."""
        for number, line in enumerate(require_lines(path, empty_lines=True), start=1):
            marked = read_markup(line)
            yield Labelled(marked.text, marked, number)

    def carry(self, labelled: Labelled, texts: LinkedPair) -> Carried:
        """See :class:`Format`."""
        marked: Marked = labelled.labels
        if tags := read_markup(texts.target.text).elements:
            tag = quote(tags[0].opening)
            raise ValueError(f"holds markup already ({tag}): give the translation without")
        found = project_markup(marked, texts.links, texts.source, texts.target, self._rules)
        lost = []
        for number, reason in found.dropped:
            element = found.elements[number]
            lost.append(Lost(element.opening, marked.text[element.start : element.end], reason))
        return Carried([found.line], len(found.elements) - len(lost), lost)


def _name(dropped: Iterable[Dropped], labels: Any, spell: Any) -> list[Lost]:
    return [Lost(labels[n].name, spell(labels[n]), reason) for n, reason in dropped]


def tell_format(path: str | Path) -> LabelFormat:
    """Tell by the first line what holds the labels.

    Raises:
        DataError: it can't be told.
    """
    lines = require_lines(path, empty_lines=True, longest=MAX_ROW)
    line = next((line for line in lines if line.strip()), "")
    if line.startswith("{") and '"spans"' in line:
        return "spans"
    marked = read_markup(line)
    is_comment = line.startswith(("#", "-DOCSTART-"))
    has_code = bool(find_missing(marked, ""))  # a placeholder; of CoNLL, too
    if marked.elements or (has_code and not is_comment and "\t" not in line):
        return "markup"
    if is_comment or len(split_words(line)) in (2, 4, 10):
        return "conll"
    raise DataError(path, f"{quote(line)}: give --format conll, spans or markup", 1)


def make_format(
    kind: LabelFormat, rules: Rules, *, column: int | None = None, unlinked: str = UNLINKED
) -> Format:
    """Make the format of a name.

    Args:
        kind: the name.
        rules: how labels find their place.
        column, unlinked: see :class:`Conll`.

    Raises:
        ConfigError: a column or a tag is named where there are none, or no such column.
    """
    require("column", column, column is None or column >= 1, "1 or more")
    if kind == "conll":
        return Conll(rules, column=column, unlinked=unlinked)
    if column is not None:
        raise ConfigError(f"column: {column} given, but {kind} has no columns; conll has")
    if unlinked != UNLINKED:
        raise ConfigError(f"unlinked: {quote(unlinked)} given, but {kind} has no tags; conll has")
    return Spans(rules) if kind == "spans" else Markup(rules)
