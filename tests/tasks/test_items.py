"""What items add to a score must add up to the score, for every task."""

import numpy as np
import pytest

from crosszero.align.spans import Span, WordPair
from crosszero.errors import DataError
from crosszero.experiment.comparison import measure_corpus
from crosszero.samples.sample import Sample
from crosszero.samples.store import collect
from crosszero.tasks.catalogue import find_task, list_tasks
from tests.tasks.helpers import count_items, write


@pytest.fixture
def data(tmp_path):
    """Random gold and random predictions of each task in French."""
    random = np.random.default_rng(0)
    out, labels = tmp_path / "out", tmp_path / "labels"
    for folder in (out, labels):
        write(folder / "xnli/test-fr.tsv", list(random.choice(["neutral", "entailment"], 30)))
        write(folder / "pawsx/test-fr.tsv", list(random.choice(["0", "1"], 30)))
    for task in ("xnli", "pawsx"):  # and the same in English, for pairs of two languages
        for code in ("en", "fr"):
            write(tmp_path / f"{task}/test-{code}.tsv", [f"{code} {n}\t{n}" for n in range(30)])
        gold = (labels / f"{task}/test-fr.tsv").read_text().splitlines()
        write(labels / f"{task}/test-en.tsv", gold)
        write(out / f"{task}-mixed/test-fr-en.tsv", gold[:20] + gold[:1] * 10)
    for task, tags in (
        ("udpos", ["NOUN", "VERB", "X"]),
        ("panx", ["B-LOC", "I-LOC", "O", "I-PER"]),
    ):
        lengths = random.integers(1, 7, 40)
        for folder in (out, labels):
            rows = [[*random.choice(tags, length), ""] for length in lengths]
            write(folder / task / "test-fr.tsv", [tag for row in rows for tag in row])
    write(tmp_path / "tatoeba/fr-en.fr", [f"f{n}" for n in range(20)])
    write(tmp_path / "tatoeba/fr-en.en", [f"e{n}" for n in range(20)])
    places = list(map(str, random.permutation(20)))
    write(labels / "tatoeba/test-fr.tsv", places)
    write(out / "tatoeba/test-fr.tsv", places[:7] + places[6:7] * 13)
    for part in ("dev", "test"):
        for code in ("fr", "en"):
            rows = [f"{code}-{n}\t{code} {n}" for n in range(12)]
            write(tmp_path / f"bucc2018/fr-en.{part}.{code}", rows)
    write(labels / "bucc2018/test-fr.tsv", [f"fr-{n}\ten-{11 - n}" for n in range(6)])
    write(out / "bucc2018/test-fr.tsv", [f"fr-{n}\ten-{11 - n // 2 * 2}" for n in range(4, 9)])
    stem = tmp_path / "word-alignment/fr"
    for ending, lines in (
        (".src", ["a b c", "a b", "a"]),
        (".tgt", ["x y z", "x y", "x"]),
        (".gold", ["0-0 1-1 2p2", "0-1 1p0", "0p0"]),
    ):
        write(stem.with_suffix(ending), lines)
    write(out / "word-alignment/test-fr.tsv", ["0-0 2-2 1-2", "0-0", ""])
    samples = [
        Sample(
            source=f"{a} {b}", target=f"{b} {a}", source_language="en", target_language="fr",
            origin="x:1", group="", finder="lexicon",
            words=(WordPair(Span(0, 1), Span(2, 3)), WordPair(Span(2, 3), Span(0, 1))),
        )
        for a, b in ("kl", "mn", "lm")
    ]  # fmt: skip
    collect(samples, tmp_path / "word-retrieval")
    write(out / "word-retrieval/test-en-fr.tsv", ["1", "0", "0", "2", "5", "-1"])
    for name in ("xsim", "xsim++"):
        write(tmp_path / name / "multi.en", [f"There are {n} cats." for n in range(5)])
        write(tmp_path / name / "multi.fr", [f"Il y a {n} chats." for n in range(5)])
    write(tmp_path / "xsim++/en_augmented.multi", ["There are 9 cats."])
    change = '{"src": "There are 0 cats.", "errtype": "number"}'
    write(tmp_path / "xsim++/en_errtype.multi.json", [f'{{"There are 9 cats.": {change}}}'])
    for name in ("xsim", "xsim++", "xsim-negatives"):
        write(out / name / "test-fr.tsv", ["0", "1", "3", "-1", "4"])
    collect(samples, tmp_path / "sentence-retrieval")
    write(out / "sentence-retrieval/test-en-fr.tsv", ["1", "0", "2"])
    return tmp_path


@pytest.mark.parametrize("task", [task.name for task in list_tasks()])
def test_items_add_up_to_the_score(task, data):
    language = "en-fr" if find_task(task).data_setting == "held_out" else "fr"
    language = "fr-en" if find_task(task).on_demand else language
    language = "fr-en" if find_task(task).on_demand else language
    score = find_task(task).score(data / "out", data, [language])[0]
    assert score.metric == find_task(task).metric
    items, value = count_items(find_task(task), data / "out", data, language), score.value
    assert 0 < value < 1
    assert measure_corpus(items[:, None]) == pytest.approx(value, abs=1e-12)
    sizes = {"bucc2018": 12, "word-alignment": 3, "word-retrieval": 6, "tatoeba": 20}
    sizes |= {"sentence-retrieval": 3, "xsim": 5, "xsim++": 5, "xsim-negatives": 5}
    sizes |= {"xnli": 30, "pawsx": 30, "udpos": 40, "panx": 40}
    sizes |= {"xnli-mixed": 30, "pawsx-mixed": 30}
    sizes |= {"xnli-mixed": 30, "pawsx-mixed": 30}
    assert len(items) == sizes[task]


def test_spans_stay_in_their_sentences(data):
    write(data / "labels/panx/test-fr.tsv", ["B-LOC", "", "O", "", "B-PER", "I-PER"])
    write(data / "out/panx/test-fr.tsv", ["B-LOC", "", "B-LOC", "", "B-PER", "O"])
    assert count_items(find_task("panx"), data / "out", data, "fr").tolist() == [
        [2, 2],
        [0, 1],
        [0, 2],
    ]


def test_predictions_of_another_length_are_told(data):
    write(data / "out/xnli/test-fr.tsv", ["neutral"])
    with pytest.raises(DataError, match=r"test-fr\.tsv:1: 1 lines for 30 pairs"):
        count_items(find_task("xnli"), data / "out", data, "fr")
