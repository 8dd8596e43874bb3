"""From texts to links: all methods, statistics that travel through files, the choice of a layer."""

import numpy as np
import pytest

from crosszero.align.eflomal import LONGEST, TwoWayModel
from crosszero.align.layer_choice import choose_layer, measure_layers
from crosszero.align.linker import WordLinker, align_words
from crosszero.align.methods import LinkConfig
from crosszero.align.spans import from_words
from crosszero.align.subtokens import as_parts
from crosszero.errors import ConfigError, DataError
from tests.samples.helpers import cipher

PAIRS, DICTIONARY = cipher(150, seed=3)
ROWS = [(pair.source.split(), pair.target.split()) for pair in PAIRS]
SIDES = [[from_words(row[side]) for row in ROWS] for side in (0, 1)]


@pytest.fixture(scope="module")
def statistics():
    return TwoWayModel(lambda: iter(ROWS), seeds=(2, 3), samplers=1)


class Meanings:
    """Words of one meaning have like vectors; in layer 2 of two."""

    def __init__(self, noise=0.5):
        words = {*DICTIONARY, *DICTIONARY.values()}
        draw = np.random.default_rng(1)
        base = {word: draw.normal(size=16) for word in sorted(words)}
        for word, other in DICTIONARY.items():
            base[other] = base[word] + noise * draw.normal(size=16)
        self.tables = [{word: draw.normal(size=16) for word in sorted(words)}, base]

    def encode_words(self, texts, spans):
        return [parts[1].vectors for parts in self.encode_subtoken_layers(texts, spans, [1, 2])]

    def encode_subtoken_layers(self, texts, spans, layers):
        return [
            [
                as_parts(
                    np.array([self.tables[n - 1][text[a:b]] for a, b in words]).reshape(-1, 16)
                )
                for n in layers
            ]
            for text, words in zip(texts, spans, strict=True)
        ]


def count_right(links):
    right = wrong = 0
    for (source, target), sentence in zip(ROWS, links, strict=True):
        for i, j, score in sentence:
            assert 0 < score <= 1
            hit = DICTIONARY.get(source[i]) == target[j]
            right, wrong = right + hit, wrong + (not hit)
    return right, wrong


@pytest.mark.parametrize("method", ["argmax", "softmax", "hmm", "combined", "statistical"])
def test_methods_find_the_words(method, statistics):
    encoder = None if method == "statistical" else Meanings()
    linker = WordLinker(encoder, LinkConfig(method=method), statistics=statistics)
    right, wrong = count_right(linker.link(*SIDES))
    assert right > 10 * wrong
    assert linker.lost == 0


@pytest.mark.parametrize("space", [" ", "\n"])
def test_words_that_hold_a_space_are_counted_too(space):
    texts = [from_words([f"New{space}York", "sea"]), from_words(["sea"])] * 30
    model = TwoWayModel(lambda: [(text.keys, text.keys) for text in texts], seeds=(2, 3))
    linker = WordLinker(None, LinkConfig(method="statistical"), statistics=model)
    links = next(linker.link(texts[:1], texts[:1]))
    assert [link[:2] for link in links] == [(0, 0), (1, 1)]
    assert min(link.score for link in links) > 0.9
    assert linker.known == linker.words == 4


def test_the_unicode_form_of_a_word_makes_no_difference_to_its_counts():
    texts = [from_words(["caf\u00c9", "sea"]), from_words(["sea"])] * 30
    model = TwoWayModel(lambda: [(text.keys, text.keys) for text in texts], seeds=(2, 3))
    linker = WordLinker(None, LinkConfig(method="statistical"), statistics=model)
    apart = [from_words(["cafe\u0301", "sea"])]
    assert next(linker.link(apart, apart)) == next(linker.link(texts[:1], texts[:1]))
    assert linker.known == linker.words == 8


def test_counts_of_long_texts_are_looked_up_piece_by_piece(statistics, monkeypatch):
    tables = []
    look_up = type(statistics).fit_words

    def note(self, first, second):
        tables.append((len(first), len(second)))
        return look_up(self, first, second)

    monkeypatch.setattr(type(statistics), "fit_words", note)
    words = [word for row in ROWS for word in row[0]], [word for row in ROWS for word in row[1]]
    assert min(map(len, words)) > 700
    linker = WordLinker(Meanings(), LinkConfig(method="combined"), statistics=statistics)
    [links] = linker.link([from_words(words[0])], [from_words(words[1])])
    assert len(links) > 400
    assert sum(n for n, _ in tables) == len(words[0])
    assert max(map(max, tables)) <= 150


def test_counts_help_vectors_that_tell_little(statistics):
    encoder = Meanings(noise=4)
    found = {
        method: count_right(
            WordLinker(encoder, LinkConfig(method=method), statistics=statistics).link(*SIDES)
        )
        for method in ("hmm", "combined")
    }
    assert found["combined"][0] > found["hmm"][0]


def test_statistics_travel_through_a_file(statistics, tmp_path):
    path = tmp_path / "model"
    statistics.save(path)
    loaded = TwoWayModel.load(path)
    assert list(loaded.align(ROWS)) == list(statistics.align(ROWS))
    fits = [model.fit_words(*ROWS[0]) for model in (statistics, loaded)]
    np.testing.assert_array_equal(*fits)
    assert fits[0].shape == (len(ROWS[0][0]), len(ROWS[0][1]))
    assert ((fits[0] >= 0) & (fits[0] <= 1)).all()
    there, back = loaded._there, loaded._back
    first, second = ROWS[0][0], [*ROWS[0][1], "unknown"]
    tables = [
        [[0.1 + p.translation_prob(p.get_src_word_index(a), p.get_trg_word_index(b)) for b in y]
         for a in x]
        for p, x, y in ((there, first, second), (back, second, first))
    ]  # fmt: skip
    shares = [table / table.sum(axis=0) for table in map(np.array, tables)]
    expected = np.sqrt(shares[0] * shares[1].T)
    np.testing.assert_allclose(loaded.fit_words(first, second), expected, atol=1e-6)
    nothing = TwoWayModel(lambda: iter([]), seeds=(1, 2))
    nothing.save(path)
    assert list(TwoWayModel.load(path).align([(["a"], ["b"])])) == [[]]
    assert TwoWayModel.load(path).fit_words(["a"], ["b"]).tolist() == [[1.0]]
    for content in (b"", b"PK no zip", path.read_bytes()[:-30]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="no statistical aligner"):
            TwoWayModel.load(path)
    with pytest.raises(DataError, match="no statistical aligner"):
        TwoWayModel.load(tmp_path / "none")


@pytest.mark.parametrize("on_gpu", [False, True])
def test_texts_are_linked_as_they_come(on_gpu):
    pairs = list(zip(*SIDES, strict=True))
    encoder = Meanings()
    encoder.on_gpu = on_gpu
    linker = WordLinker(encoder, batch=2)
    expected = list(linker.link(*SIDES))
    read = []

    def stream():
        for pair in pairs[:5]:
            read.append(pair)
            yield pair
        raise DataError("texts", "a line can't be used", 6)

    linked = linker.link_pairs(stream())
    first = next(linked)
    assert first[:2] == pairs[0]
    assert len(read) == (5 if on_gpu else 2)  # a batch is linked while others are read
    found = [first.links]
    with pytest.raises(DataError, match="can't be used"):
        found += (row.links for row in linked)
    assert found == expected[:4]


def test_few_long_texts_are_a_batch(monkeypatch):
    monkeypatch.setattr("crosszero.align.batches._LETTERS", 60)
    calls = []

    class Counted(Meanings):
        def encode_words(self, texts, spans):
            calls.append(len(texts))
            return super().encode_words(texts, spans)

    expected = list(WordLinker(Meanings()).link(*SIDES))
    assert list(WordLinker(Counted()).link(*SIDES)) == expected
    assert sum(calls) == 2 * len(SIDES[0])
    assert 1 < max(calls) < len(SIDES[0])


def test_what_a_method_needs(statistics):
    for method in ("statistical", "combined"):
        with pytest.raises(ConfigError, match="needs a statistical aligner"):
            WordLinker(Meanings(), LinkConfig(method=method))
    with pytest.raises(ConfigError, match="needs an encoder"):
        WordLinker(None, statistics=statistics)
    with pytest.raises(ValueError, match="1 source texts, but 0"):
        list(WordLinker(Meanings()).link(SIDES[0][:1], []))
    assert align_words(Meanings(), [[]], [["x"]][:0] or [[]]) == [[]]


def test_the_layer_whose_links_agree_is_chosen(statistics):
    for counted in (None, statistics):
        found = measure_layers(Meanings(), *SIDES, [1, 2], counted)
        assert 0 < found[0] < found[1] <= 1
        assert choose_layer([1, 2], found) == 2
    assert choose_layer([1, 2, 3], [0.5, 0.5, 0.4]) == 2


def test_texts_too_long_to_count_in_tell_a_layer_without_counts(statistics):
    long = [from_words([word for text in side for word in text.keys]) for side in SIDES]
    assert min(len(text.spans) for text in long) > LONGEST
    long = [[text] * 2 for text in long]
    alone = measure_layers(Meanings(), *long, [1, 2])
    assert 0 < alone[0] < alone[1]
    nothing = TwoWayModel(lambda: iter([]), seeds=(1, 2))
    assert measure_layers(Meanings(), *long, [1, 2], statistics) == alone
    assert measure_layers(Meanings(), *SIDES, [1, 2], nothing) == measure_layers(
        Meanings(), *SIDES, [1, 2]
    )
    assert measure_layers(Meanings(), *SIDES, [2], statistics) == [1.0]
    mixed = [[*one, *other] for one, other in zip(SIDES, long, strict=True)]
    found = measure_layers(Meanings(), *mixed, [2], statistics)
    assert found == measure_layers(Meanings(), *mixed, [2])
