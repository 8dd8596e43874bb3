"""Each benchmark runs, checks itself and leaves what the tables need; a false side is noticed."""

from __future__ import annotations

import importlib
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import mine as mining
from benchmarks import tables
from benchmarks.corpus import make_corpus, make_samples, mix_lengths
from benchmarks.encoders import MBERT, TINY, load_backbone
from benchmarks.gpu import mining as device_mining
from benchmarks.plain_search import PlainSearch
from benchmarks.record import CheckError, Record, make_parser
from benchmarks.steps import OurStep, PaperStep
from benchmarks.timing import Timing, compare, take_turns
from crosszero.align.lexicon_aligner import LexiconAligner
from crosszero.align.word_lists import Lexicon
from crosszero.bitext.pair import SentencePair
from crosszero.model.inference import encode_sentences
from crosszero.samples.filters import WordFilter
from crosszero.samples.finder import WordFinder
from crosszero.search.neighbours import unit_rows
from crosszero.search.top_k import Nearest

NEEDS = {
    "train_step": "sentence_transformers",
    "gradient_cache": "torch",
    "compile": "torch",
    "step_profile": "torch",
    "find_words": "thot",
    "align": "simalign",
    "mine": "faiss",
    "encode": "sentence_transformers",
    "precision": "torch",
    "start_up": "cyclopts",
    "trim": "sentence_transformers",
}
PAGE = tables.fill_page(tables.PAGE.read_text(encoding="utf-8"), [])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.mark.parametrize("name", NEEDS)
def test_quick_run(name: str, results: Path) -> None:
    pytest.importorskip(NEEDS[name])
    flags = ["--quick", "--threads", "1", "--out", str(results / f"{name}.json")]
    importlib.import_module(f"benchmarks.{name}").main(flags)
    run = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
    assert run["benchmark"] == name
    assert run["quick"]
    assert run["command"].startswith(f"python -m benchmarks.{name} --quick")
    assert {"commit", "date", "versions", "machine", "seed", "threads"} <= run.keys()
    assert all(row["rate"] >= 0 for row in run["rows"])
    assert run["ratios"] or name == "step_profile"
    assert run["checks"]
    page = tables.fill_page(PAGE, [run])
    assert page.count("\n| ") >= PAGE.count("\n| ") + len(run["rows"])
    assert run["commit"] in page
    if name == "mine":  # a line takes at least the neighbours of both sides: 2 x 4 x (4 + 8) bytes
        (grows,) = [row["rate"] for row in run["rows"] if row["what"] == mining.DRIVER]
        assert 96 < grows < 1_000


def test_versions_that_all_runs_share_stand_once() -> None:
    run = {"benchmark": "a", "commit": "c", "quick": False, "date": "2026-01-01", "threads": 1,
           "machine": {"cpu": "x", "cores": 2, "load": None}, "data": "d", "seed": 1,
           "versions": {"torch": "2"}}  # fmt: skip
    table = tables.list_runs([run, run])
    assert (table.columns[-1], table.note) == ("seed", "All with torch 2.")
    table = tables.list_runs([run, run | {"versions": {"torch": "3"}}])
    assert (table.columns[-1], table.note) == ("versions", "")
    assert [row[-1] for row in table.rows] == ["torch 2", "torch 3"]


def test_page_without_runs_says_so() -> None:
    assert tables.fill_page(PAGE, []).count("No run yet.") == 2 + len(tables.BENCHMARKS)


def test_a_missed_target_is_told() -> None:
    ratio = {"what": "w", "encoder": "", "against": "a", "unit": "x", "value": 1.2, "least": 1.3}
    late = {"what": "v", "encoder": "", "against": "a", "unit": "s", "value": 0.4, "most": 0.5}
    table = tables.list_targets([{"ratios": [ratio, late]}])
    assert [row[-1] for row in table.rows] == ["no", "yes"]
    assert [row[-2] for row in table.rows] == ["at least 1.3", "at most 0.5"]


def test_sides_take_turns_and_warm_up_is_not_counted() -> None:
    seen: list[tuple[str, int]] = []
    sides = {"a": lambda n: seen.append(("a", n)), "b": lambda n: seen.append(("b", n))}
    timings = take_turns(sides, rounds=2, warm_up=1)
    assert seen == [(side, number) for number in (-1, 0, 1) for side in "ab"]
    assert [len(timing.wall) for timing in timings.values()] == [2, 2]


def test_ratio_is_the_median_of_the_rounds() -> None:
    ratio = compare(Timing([1.0, 2.0, 1.0], [1.0]), Timing([3.0, 2.0, 9.0], [4.0]), work=2.0)
    assert (ratio.value, ratio.low, ratio.high, ratio.cpu) == (6.0, 2.0, 18.0, 8.0)


def test_work_of_a_round_is_divided_by_its_own_time() -> None:
    record = Record(make_parser("mine", "").parse_args(["--threads", "1"]))
    timing = Timing([1.0, 4.0, 2.0], [1.0, 1.0, 1.0])
    record.add_rate("side", "", "tokens/s", [10, 80, 60], timing)
    row = record.rows[0]
    assert (row["low"], row["rate"], row["high"]) == (10.0, 20.0, 30.0)
    record.add_rate("side", "", "pairs/s", 8, timing)
    assert (record.rows[1]["low"], record.rows[1]["rate"]) == (2.0, 4.0)
    ratio = compare(timing, Timing([2.0, 4.0, 8.0], [1.0, 1.0, 1.0]), work=[1.0, 3.0, 1.0])
    assert (ratio.low, ratio.value, ratio.high) == (2.0, 3.0, 4.0)
    record.add_goal("share", "", "peak", [0.7, 0.5, 0.9], "share", 0.6)
    table = tables.list_targets([{"ratios": record.ratios}])
    assert table.rows[0][2:] == ("0.7 share", "0.50 to 0.90", "at least 0.6", "yes")


def test_the_commit_is_the_one_that_a_benchmark_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    options = make_parser("mine", "").parse_args(["--threads", "1"])
    monkeypatch.setattr("benchmarks.record.read_commit", lambda: "before")
    record = Record(options, size=1_000, precision={"ours": "bf16", "theirs": "fp32"})
    monkeypatch.setattr("benchmarks.record.read_commit", lambda: "later")
    run = record.write([])
    assert run["commit"] == "before"
    note = tables.list_rows(run).note
    assert note == "Set: size 1,000; precision ours bf16, theirs fp32."


def test_the_procedure_has_an_encoder_without_crosszeros_hooks() -> None:
    samples = [s for s in make_samples(make_corpus(40).pairs, most=2) if s.words][:4]
    ours, other, theirs = (load_backbone(TINY).train() for _ in range(3))
    several, one = (
        OurStep(ours, words=2, precision="fp32"),
        OurStep(other, words=1, precision="fp32"),
    )
    plain = PaperStep(theirs)
    assert ours.table._forward_hooks
    for step in (several, one, plain):
        step.run(samples)
    assert not theirs.table._forward_hooks
    assert len(several.tokens) == len(one.tokens) == len(plain.tokens) == 1
    assert one.tokens == plain.tokens
    assert one.samples[0] < several.samples[0]


def test_pooled_vectors_are_those_of_the_texts() -> None:
    samples = make_samples(make_corpus(6).pairs, most=1)
    backbone = load_backbone(TINY)
    sides = OurStep(backbone, words=0, precision="fp32").pool(samples)
    for side, name in zip(sides, ("source", "target"), strict=True):
        found = torch.nn.functional.normalize(side.detach(), dim=1).numpy()
        alone = [encode_sentences(backbone, [getattr(s, name)], max_length=128) for s in samples]
        assert np.allclose(found, np.concatenate(alone), atol=1e-5)


def test_sides_that_differ_are_refused() -> None:
    record = Record(make_parser("mine", "").parse_args(["--threads", "1"]))
    pairs = [(n, n, 1.0) for n in range(10)]
    mining.compare_pairs(record, pairs, pairs)
    with pytest.raises(CheckError, match="pairs that only one side found"):
        mining.compare_pairs(record, pairs, [*pairs[1:], (0, 11, 1.0)])
    with pytest.raises(CheckError, match="difference of a score"):
        mining.compare_pairs(record, pairs, [(0, 0, 1.1), *pairs[1:]])
    with pytest.raises(CheckError, match="nan apart"):
        record.check("nothing", float("nan"), 1.0)


def test_made_up_text_is_uneven_and_its_links_are_right() -> None:
    corpus = make_corpus(200, seed=3)
    lexicon = dict(corpus.lexicon.entries("en", "fr"))
    for pair, links in zip(corpus.pairs, corpus.links, strict=True):
        source, target = pair.source.split(), pair.target.split()
        assert len(links) == len(source) == len(target)
        assert all(lexicon[source[i]] == target[j] for i, j in links)
    lengths = [len(text.split()) for text in mix_lengths(corpus.pairs)]
    assert np.std(lengths) > 0.5 * np.mean(lengths)
    assert [p.source for p in make_corpus(5, seed=3).pairs] == [p.source for p in corpus.pairs[:5]]


def test_the_plain_search_leaves_out_what_the_finder_leaves_out() -> None:
    entries = [("I", "je"), ("a", "à"), ("good day", "bonjour"), ("sea", "mer"), ("3", "trois")]
    lexicon = Lexicon()
    lexicon.add("en", "fr", entries)
    rules = WordFilter(stop_words="none", min_length=1, max_words=10_000)
    pairs = [
        SentencePair(
            source=source, target=target, source_language="en", target_language="fr", origin=""
        )
        for source, target in (
            ("I see a sea", "je vois à la mer"),
            ("Good day 3", "Bonjour trois"),
            ("Good-day, goodday good  day", "(Bonjour)"),
            ("sea sea", "la mer"),
        )
    ]
    plain = PlainSearch(entries, ("en", "fr"))
    ours = WordFinder(LexiconAligner(lexicon), rules).find(pairs)
    assert [{(tuple(w.source), tuple(w.target)) for w in words} for words in ours] == [
        plain.find(pair) for pair in pairs
    ]
    # neither single letters nor numbers; white space as the entry has it; once only
    assert [len(words) for words in ours] == [1, 1, 1, 0]


def test_the_search_of_an_accelerator_is_timed_and_checked():
    found = device_mining.time_search(700, 64, device="cpu")
    assert found["wrong"] == 0
    assert found["unproven"] < 0.01
    assert found["recall"] > 0.99
    assert 0 < found["search_seconds"] < found["seconds"]


def test_wrong_neighbours_are_counted():
    draw = np.random.default_rng(0)
    one, other = (unit_rows(draw.normal(size=(50, 8))) for _ in range(2))
    near = Nearest(50, 2)
    near.add(one @ other.T, item=0, candidate=0)
    count = partial(device_mining._count_wrong, one, other, near, 50, torch.device("cpu"))
    assert count() == 0
    near.value[7, 1] -= 0.01
    assert count() == 1


def test_an_encoder_of_mberts_size_can_be_made_and_cuts_texts_as_the_others() -> None:
    large, small = load_backbone(MBERT), load_backbone(TINY)
    assert len(large.tokenizer) == len(large.base.get_input_embeddings().weight) == 119_547
    texts = ["The house is small.", "Das [unused12345] Haus", "Дом мал"]
    found, expected = (one.tokenize(texts, 64).ids.values for one in (large, small))
    assert found.tolist() == expected.tolist()
