"""Words: their pieces, long sentences, and one tag for each, always."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from crosszero.errors import ConfigError, DataError
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import TaggedSentence
from crosszero.tasks.finetune.features import IGNORED
from crosszero.tasks.finetune.heads import TaskModel, add_head
from crosszero.tasks.finetune.tagging import Tagger, encode_sentences, fine_tune_tagger, split_words
from tests.conftest import ARCHITECTURES

ModelFolder = Callable[..., Path]
TAGS = {"king": "NOUN", "house": "NOUN", "red": "ADJ", "old": "ADJ", "sees": "VERB", "is": "VERB"}
FAST = FineTuneConfig(learning_rate=1e-2, steps=40, max_length=12, eval_every=20, batch_size=16)


def make_sentences(count: int, seed: int = 0, longest: int = 30) -> list[TaggedSentence]:
    """Sentences whose tags hang on the word alone, many longer than the model may read."""
    draw = random.Random(seed)
    rows = [draw.choices(list(TAGS), k=draw.randint(1, longest)) for _ in range(count)]
    return [TaggedSentence(tuple(row), tuple(TAGS[word] for word in row)) for row in rows]


def measure_accuracy(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    pairs = [
        (g, p) for a, b in zip(gold, predicted, strict=True) for g, p in zip(a, b, strict=True)
    ]
    return sum(g == p for g, p in pairs) / len(pairs)


def make_task(folder: Path, max_length: int = 12) -> TaskModel:
    torch.manual_seed(0)
    config = FineTuneConfig(max_length=max_length)
    return add_head(folder, "tagging", ["ADJ", "NOUN", "VERB"], config)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_simple_task_is_learnt(model_folder: ModelFolder, tmp_path: Path, kind: str) -> None:
    train, test = make_sentences(100), make_sentences(20, seed=1)
    tagger = fine_tune_tagger(
        model_folder(kind), train, train[:10], FAST, metric=measure_accuracy, out=tmp_path / "out"
    )
    predicted = tagger.predict(test)
    assert [len(row) for row in predicted] == [len(sentence.words) for sentence in test]
    assert measure_accuracy([sentence.tags for sentence in test], predicted) > 0.95
    assert Tagger.load(tmp_path / "out").predict(test) == predicted


def test_the_tag_sits_on_the_first_piece(model_folder: ModelFolder) -> None:
    task = make_task(model_folder())
    sentence = TaggedSentence(("red", "catd", "is"), ("ADJ", "NOUN", "VERB"))
    (chunk,) = encode_sentences([sentence], task)
    tokens = task.tokenizer.convert_ids_to_tokens(chunk.feature.ids.tolist())
    assert tokens == ["[CLS]", "red", "cat", "##d", "is", "[SEP]"]
    assert chunk.feature.labels.tolist() == [IGNORED, 0, 1, IGNORED, 2, IGNORED]
    assert chunk.firsts == [1, 2, 4]


def test_words_are_tokenised_one_by_one(model_folder: ModelFolder) -> None:
    for kind in ARCHITECTURES:
        task = make_task(model_folder(kind), 60)
        words = ("the", "red", "猫", "temps")
        (chunk,) = encode_sentences([TaggedSentence(words)], task)
        alone = [task.tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
        assert chunk.feature.ids[1:-1].tolist() == [piece for pieces in alone for piece in pieces]
        assert set(chunk.feature.labels.tolist()) == {IGNORED}


def test_words_without_pieces_or_with_too_many_are_unknown(model_folder: ModelFolder) -> None:
    task = make_task(model_folder(), 6)
    unknown = task.tokenizer.unk_token_id
    chunks = split_words(["the", "\u200b", "", "catdogdog", "red"], task)
    words = [word for chunk in chunks for word in chunk]
    assert len(words) == 5
    assert words[1:4] == [[unknown]] * 3
    assert [len(chunk) for chunk in chunks] == [4, 1]


def test_a_long_sentence_is_split_between_words(model_folder: ModelFolder) -> None:
    task = make_task(model_folder(), 7)
    words = ("the", "catdd", "king", "red", "catd", "sees")  # 1 3 1 | 1 2 1 pieces
    chunks = encode_sentences([TaggedSentence(("old",)), TaggedSentence(words)], task)
    assert [(c.sentence, c.start, len(c.firsts)) for c in chunks] == [
        (0, 0, 1),
        (1, 0, 3),
        (1, 3, 3),
    ]
    assert max(len(c.feature.ids) for c in chunks) <= 7
    joined = [piece for c in chunks[1:] for piece in c.feature.ids[1:-1].tolist()]
    assert joined == [piece for part in split_words(words, task) for word in part for piece in word]


def test_parts_are_glued_in_order(model_folder: ModelFolder) -> None:
    tagger = Tagger(make_task(model_folder(), 7))
    words = tuple(random.Random(3).choices(["king", "catdd", "red", "catd"], k=40))
    parts, start = [], 0
    for part in split_words(words, tagger.task):
        parts.append(TaggedSentence(words[start : start + len(part)]))
        start += len(part)
    assert len(parts) > 5
    whole, short = tagger.predict([TaggedSentence(words), TaggedSentence(("red",))])
    assert whole == tuple(tag for row in tagger.predict(parts) for tag in row)
    assert len(short) == 1
    assert tagger.predict([]) == []
    assert tagger.predict([TaggedSentence(()), TaggedSentence(("red",))])[0] == ()


def test_gold_tags_are_not_read_when_predicting(model_folder: ModelFolder) -> None:
    tagger = Tagger(make_task(model_folder()))
    sentences = make_sentences(5)
    blank = [TaggedSentence(sentence.words) for sentence in sentences]
    assert tagger.predict(sentences) == tagger.predict(blank)


def test_the_metric_gets_gold_and_predicted_and_chooses(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    calls: list[Any] = []

    def metric(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
        calls.append((gold, predicted))
        return 0.0

    dev = make_sentences(3, seed=5)
    config = FineTuneConfig(steps=5, eval_every=2, max_length=12)
    fine_tune_tagger(
        model_folder(), make_sentences(9), dev, config, metric=metric, out=tmp_path / "out"
    )
    assert len(calls) == 3
    for gold, predicted in calls:
        assert list(gold) == [sentence.tags for sentence in dev]
        assert [len(row) for row in predicted] == [len(row) for row in gold]


def test_the_seed_decides_the_weights(model_folder: ModelFolder, tmp_path: Path) -> None:
    config = FineTuneConfig(learning_rate=1e-3, steps=4, max_length=12, seed=1)
    weights = []
    for name in "ab":
        fine_tune_tagger(
            model_folder(),
            make_sentences(40),
            make_sentences(4),
            config,
            metric=measure_accuracy,
            out=tmp_path / name,
        )
        weights.append(load_file(tmp_path / name / "model.safetensors"))
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_what_cannot_work_is_told_in_a_line(model_folder: ModelFolder, tmp_path: Path) -> None:
    def run(train: Any, config: FineTuneConfig = FAST) -> None:
        out = tmp_path / "out"
        dev = make_sentences(3)
        fine_tune_tagger(model_folder(), train, dev, config, metric=measure_accuracy, out=out)

    with pytest.raises(DataError, match="train: there are no sentences"):
        run([])
    with pytest.raises(DataError, match="train: sentence 1 has 2 words and 1 tags"):
        run([TaggedSentence(("the", "cat"), ("DET",))])
    with pytest.raises(ConfigError, match="tagging does not support it"):
        run(make_sentences(3), FineTuneConfig(robust="smoothing"))
    with pytest.raises(ConfigError, match="max_length"):
        run(make_sentences(3), FineTuneConfig(max_length=2))
