"""Sentence pairs per second of each finder of word pairs, and of a plain words x sentences search.

The plain search (:mod:`benchmarks.plain_search`) must find the same word pairs as the lexicon
finder; it is given fewer sentences, because it takes so long. Both are also given a list that made
up words bring to the length of a large dictionary. The stages of the lexicon finder are timed one
on top of the other, in CPU time, and subtracted.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from benchmarks.corpus import Corpus, load_corpus
from benchmarks.encoders import TINY, load_backbone
from benchmarks.plain_search import PlainSearch, search_substrings
from benchmarks.record import Record, make_parser, read_options
from benchmarks.timing import compare, per_second, take_turns
from crosszero.align.encoder_aligner import EncoderAligner
from crosszero.align.lexicon_aligner import LexiconAligner
from crosszero.align.statistical_aligner import StatisticalAligner
from crosszero.align.word_lists import Lexicon, read_lexicon
from crosszero.model.encoder import Encoder
from crosszero.model.options import MINI
from crosszero.model.word_layers import find_alignment_layer
from crosszero.samples.filters import WordFilter
from crosszero.samples.finder import WordFinder

_GOAL, _TIMES = 20_000, 200.0  # sentence pairs per second and core; and against a plain search
_RULES = WordFilter(stop_words="none", min_length=1, max_words=10_000)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Time the finders, check the lexicon's against the plain search, record."""
    parser = make_parser("find_words", __doc__)
    parser.add_argument("--size", type=int, default=20_000, help="sentence pairs")
    parser.add_argument("--lexicon", nargs="+", help="as 'prepare --words.lexicon' takes it")
    parser.add_argument("--plain", type=int, default=100, help="sentence pairs of the plain search")
    parser.add_argument("--entries", type=int, default=100_000, help="those of the long list")
    parser.add_argument("--encoded", type=int, default=500, help="those of the encoder's finder")
    options = read_options(parser, arguments, size=300, plain=20, encoded=20, rounds=1, entries=500)
    corpus = load_corpus(options, options.size)
    lexicon = read_lexicon(options.lexicon) if options.lexicon else corpus.lexicon
    if lexicon is None:
        parser.error("--lexicon is needed with --data")
    entries = lexicon.entries(*options.languages)
    record = Record(options, pairs=len(corpus.pairs), entries=len(entries))
    compare_lexicon(record, corpus, lexicon, entries, options)
    long = lengthen(entries, options)
    compare_lexicon(record, corpus, long, long.entries(*options.languages), options)
    time_stages(record, corpus, lexicon, options)
    time_others(record, corpus, options)
    return record.write(arguments)


def lengthen(entries: list[tuple[str, str]], options: Any) -> Lexicon:
    """The list and made up words, so that it has as many entries as asked for."""
    draw = random.Random(options.seed)
    words = ("".join(draw.choices("aeiounrstlqxz", k=12)) for _ in iter(int, 1))
    more = [(next(words), next(words)) for _ in range(options.entries - len(entries))]
    lexicon = Lexicon()
    lexicon.add(*options.languages, [*entries, *more])
    return lexicon


def compare_lexicon(
    record: Record, corpus: Corpus, lexicon: Lexicon, entries: list[Any], options: Any
) -> None:
    """The lexicon finder against both plain searches."""
    languages = (options.languages[0], options.languages[1])
    plain = PlainSearch(entries, languages)
    some = corpus.pairs[: options.plain]
    found: dict[str, list[Any]] = {}
    size = f"{len(entries):,} entries"
    finder = f"lexicon finder, {size}"
    sides = {
        # A new finder each time: it must not profit from what it remembers of the last round.
        finder: lambda _: found.update(
            ours=WordFinder(LexiconAligner(lexicon), _RULES).find(corpus.pairs)
        ),
        f"words x sentences search, {size}": lambda _: found.update(
            plain=[plain.find(pair) for pair in some]
        ),
        f"words x sentences, substrings, {size}": lambda _: search_substrings(entries, some),
    }
    timings = take_turns(sides, rounds=options.rounds)
    pairs = [{(tuple(w.source), tuple(w.target)) for w in words} for words in found["ours"]]
    apart = sum(len(a ^ b) for a, b in zip(pairs, found["plain"], strict=False))
    record.check(f"{size}: word pairs that only the finder or the plain search found", apart, 0)
    record.check(f"{size}: word pairs that are missing altogether", not any(found["plain"]), 0)
    ours = timings.pop(finder)
    record.add_rate(finder, "", "sentence pairs/s", len(corpus.pairs), ours)
    work = len(corpus.pairs) / len(some)
    for name, timing in timings.items():
        record.add_rate(name, "", "sentence pairs/s", len(some), timing)
        record.add_ratio(finder, "", name, compare(ours, timing, work=work), _TIMES)
    rates = per_second(len(corpus.pairs), ours.wall)
    record.add_goal(finder, "", "absolute, one core", rates, "pairs/s", _GOAL)


def time_stages(record: Record, corpus: Corpus, lexicon: Lexicon, options: Any) -> None:
    """Where the time of the lexicon finder goes, in microseconds of a sentence pair."""

    def cut() -> None:
        LexiconAligner(lexicon).check_languages(*options.languages)
        for pair in corpus.pairs:
            pair.source.split()
            pair.target.split()

    stages = {
        "reading the list": lambda _: LexiconAligner(lexicon).check_languages(*options.languages),
        "cutting texts at white space": lambda _: cut(),
        "looking up, linking": lambda _: list(LexiconAligner(lexicon).align(corpus.pairs)),
        "choosing": lambda _: WordFinder(LexiconAligner(lexicon), _RULES).find(corpus.pairs),
    }
    timings = take_turns(stages, rounds=options.rounds)
    before = [0.0] * options.rounds
    for name, timing in timings.items():
        spent = [max(0.0, now - then) for now, then in zip(timing.cpu, before, strict=True)]
        each = [seconds / len(corpus.pairs) * 1e6 for seconds in spent]
        record.add_value(f"lexicon finder, {name}", "", "µs of CPU a pair", each)
        before = timing.cpu


def time_others(record: Record, corpus: Corpus, options: Any) -> None:
    """The aligner (learning and finding) and the encoder's finder (crosszero-mini)."""
    backbone = load_backbone(TINY if options.quick else MINI, seed=options.seed)
    layer = find_alignment_layer(backbone)
    some = corpus.pairs[: options.encoded]

    def find_with_encoder(_: int) -> None:
        WordFinder(EncoderAligner(Encoder(backbone, max_length=128, layer=layer))).find(some)

    aligner = WordFinder(StatisticalAligner(seed=options.seed))
    sides = {
        "aligner, learning": lambda _: aligner.fit(corpus.pairs),
        "aligner, finding": lambda _: aligner.find(corpus.pairs),
        "encoder finder": find_with_encoder,
    }
    timings = take_turns(sides, rounds=min(3, options.rounds), warm_up=0)
    for name, timing in timings.items():
        mine = name.startswith("encoder")
        count = len(some) if mine else len(corpus.pairs)
        record.add_rate(name, backbone.name if mine else "", "sentence pairs/s", count, timing)


if __name__ == "__main__":
    main()
