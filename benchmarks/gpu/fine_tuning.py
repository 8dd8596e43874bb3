"""Fine-tuning on the device learns what made-up examples have in them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from crosszero.model.options import MINI
from crosszero.tasks.finetune.classification import Classifier, fine_tune_classifier
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample, TaggedSentence
from crosszero.tasks.finetune.tagging import Tagger, fine_tune_tagger

_WRONG = 0.1  # share of examples; half of them are guessed
_THINGS = ("house", "river", "garden", "letter", "winter", "window")


def check_fine_tuning(setting: Setting, journal: Journal) -> None:
    """Train a classifier and a tagger, in fp32 and on a GPU in bf16."""
    encoder = setting.encoder if setting.tiny else MINI
    for precision in ("fp32", "bf16") if setting.gpu else ("fp32",):
        config = FineTuneConfig(
            steps=60, batch_size=16, eval_every=60, warmup=0.1, max_length=32, precision=precision,
            learning_rate=1e-2 if setting.tiny else 1e-4,
        )  # fmt: skip
        pairs = make_pairs(200, seed=1)
        classifier = fine_tune_classifier(
            encoder,
            pairs[:160],
            pairs[160:],
            config,
            out=setting.folder / f"classifier-{precision}",
        )
        wrong = count_wrong_pairs(classifier, pairs[160:])
        journal.check(f"classifier, {precision}: share of wrong labels", wrong, _WRONG)
        rows = make_sentences(200, seed=2)
        tagger = fine_tune_tagger(
            encoder, rows[:160], rows[160:], config, out=setting.folder / f"tagger-{precision}",
            metric=share_right,
        )  # fmt: skip
        journal.check(
            f"tagger, {precision}: share of wrong tags",
            count_wrong_tags(tagger, rows[160:]),
            _WRONG,
        )


def make_pairs(count: int, *, seed: int) -> list[SentencePairExample]:
    """Sentences about the same or about different things."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        one, other = draw.sample(_THINGS, 2)
        same = number % 2 == 0
        second = f"There is no {other}." if not same else f"There is a {one}."
        found.append(SentencePairExample(f"I see a {one}.", second, "yes" if same else "no"))
    draw.shuffle(found)
    return found


def count_wrong_pairs(classifier: Classifier, pairs: Sequence[SentencePairExample]) -> float:
    """Share of labels that are not those of the examples."""
    predicted = classifier.predict(pairs)
    return sum(p != pair.label for p, pair in zip(predicted, pairs, strict=True)) / len(pairs)


def make_sentences(count: int, *, seed: int) -> list[TaggedSentence]:
    """Words and numbers, tagged as such."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        kinds = draw.choices(("WORD", "NUMBER"), k=draw.randint(2, 8))
        words = [
            draw.choice(_THINGS) if kind == "WORD" else str(draw.randint(1, 99)) for kind in kinds
        ]
        found.append(TaggedSentence(tuple(words), tuple(kinds)))
    return found


def share_right(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """Share of tags that are right."""
    pairs = [
        (one, other)
        for row, found in zip(gold, predicted, strict=True)
        for one, other in zip(row, found, strict=True)
    ]
    return sum(one == other for one, other in pairs) / len(pairs)


def count_wrong_tags(tagger: Tagger, rows: Sequence[TaggedSentence]) -> float:
    """Share of tags that are not those of the sentences."""
    predicted = tagger.predict(rows)
    return 1 - share_right([row.tags for row in rows], predicted)
