"""The pipeline of crosszero-mini on made-up text: what must hold before hours are spent on it."""

from __future__ import annotations

import json
import math
import random
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import ModernBertForMaskedLM

sys.path.insert(0, str(Path(__file__).parents[2]))

from research.mini.balance import balance_layers, state_lengths
from research.mini.card import Facts, History, write_card
from research.mini.corpus import (
    LANGUAGES,
    SOURCES,
    Source,
    clean_lines,
    read_corpus,
    smoothed_shares,
    split_lines,
)
from research.mini.evaluate import Score, entropy, masked_loss, token_counts
from research.mini.export import export_run, read_history, write_model
from research.mini.masking import IGNORED, MASK, hide_in_rows, hide_tokens
from research.mini.model import make_model
from research.mini.muon import orthogonalize
from research.mini.optimizers import rate_factor
from research.mini.ppmi import embed_tokens
from research.mini.pretrain import main as pretrain
from research.mini.rows import (
    RowStream,
    find_sentences,
    group_lines,
    pack_lines,
    sees,
    unpack_lines,
)
from research.mini.run import Run
from research.mini.settings import Settings, load_settings, save_settings
from research.mini.text import Text
from research.mini.tokenizer import save_tokenizer, train_tokenizer, unknown_rate

from crosszero.errors import ConfigError

TINY = Settings(
    width=16, layers=2, heads=2, inner=16, row=24, rows=4, warmup=1, compile=False, threads=1
)


@pytest.fixture(autouse=True)
def as_found() -> Iterator[None]:
    """Training sets the whole process up: what comes after it on this worker must not notice."""
    threads, terminate = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, terminate)


def made_up_lines(count: int = 300, seed: int = 0) -> list[str]:
    """Different short lines of made-up words."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefgh", k=chance.randint(1, 5))) for _ in range(60)]
    return [f"{n} " + " ".join(chance.choices(words, k=chance.randint(2, 8))) for n in range(count)]


def made_up_ids(count: int, *, size: int = 40, seed: int = 0) -> list[np.ndarray]:
    """Encoded lines: [CLS], ordinary ids, [SEP]."""
    chance = np.random.default_rng(seed)
    return [
        np.concatenate([[2], chance.integers(5, size, chance.integers(1, 12)), [3]])
        for _ in range(count)
    ]


# --- corpus ---------------------------------------------------------------------------------------


def test_heldout_lines_are_disjoint_deterministic_and_shuffled() -> None:
    lines = made_up_lines()
    split = split_lines(lines, seed="0:en")
    assert split == split_lines(lines, seed="0:en")
    assert split != split_lines(lines, seed="1:en")
    assert len(split.heldout) == 3
    assert not set(split.train) & set(split.heldout)
    assert sorted(split.train + split.heldout) == sorted(lines)
    places = [lines.index(line) for line in split.train]
    assert abs(np.corrcoef(places, np.arange(len(places)))[0, 1]) < 0.2


def test_parallel_lines_part_ways(tmp_path: Path) -> None:
    folder = tmp_path / "bitext" / "toy"
    folder.mkdir(parents=True)
    for language in LANGUAGES:
        text = "\n".join(f"{number} {language}" for number in range(200))
        (folder / f"multi.{language}").write_text(text, encoding="utf-8")
    source = Source(folder="toy", what="", licence="")
    corpus = read_corpus(tmp_path, sources=[source])
    numbers = {
        language: [int(line.split()[0]) for line in split.train]
        for language, split in corpus.items()
    }
    for language in LANGUAGES[1:]:
        paired = zip(numbers["en"], numbers[language], strict=True)
        assert sum(a == b for a, b in paired) < 8  # by chance about 1 of 198
    with pytest.raises(FileNotFoundError, match="--data must hold"):
        read_corpus(tmp_path)


def test_repeats_are_dropped_even_with_other_marks() -> None:
    lines = ["كتب", "كَتَبَ", "\u200fكتب", "", "  ", "cafe\u0301", "café", "a  b", "a b"]
    assert list(clean_lines(lines)) == ["كتب", "café", "a b"]


def test_smoothing_moves_towards_equal_shares() -> None:
    sizes = {"big": 900, "small": 100}
    assert smoothed_shares(sizes, 1.0) == pytest.approx({"big": 0.9, "small": 0.1})
    assert smoothed_shares(sizes, 0.5) == pytest.approx({"big": 0.75, "small": 0.25})
    assert smoothed_shares(sizes, 0.0) == pytest.approx({"big": 0.5, "small": 0.5})


# --- tokeniser ------------------------------------------------------------------------------------


def test_tokenizer_strips_marks_and_keeps_offsets(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    lines = {"ar": ["قال احمد له"] * 9, "fr": ["un Été là"] * 9, "zh": ["神称光为昼"] * 9}
    save_tokenizer(train_tokenizer(lines, size=120, characters=3000), tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    text = "قَالَ أَحْمَدُ\u200f لـه"
    marked, plain = tokenizer(text, return_offsets_mapping=True), tokenizer("قال احمد له")
    assert marked["input_ids"] == plain["input_ids"]
    assert tokenizer.unk_token_id not in marked["input_ids"]
    spans = [text[a:b] for a, b in marked["offset_mapping"][1:-1]]
    letters = "".join(span[0] for span in spans if len(span))
    assert letters
    assert all(span and text.find(span) >= 0 for span in spans)
    starts = [a for a, _ in marked["offset_mapping"][1:-1]]
    assert starts == sorted(starts)
    assert {0, text.index("أ"), text.index("لـ")} <= set(starts)
    assert "".join(tokenizer.tokenize("Été")).replace("##", "") == "Été"  # cased, accents kept
    assert tokenizer.tokenize("神称") == ["神", "称"]
    assert "token_type_ids" not in tokenizer("a", "b")
    pair = tokenizer("là", "un").input_ids
    assert pair[0] == tokenizer.cls_token_id
    assert pair.count(tokenizer.sep_token_id) == 2


def test_every_common_character_is_known() -> None:
    lines = {"en": [chr(code) * 3 for code in range(0x4E00, 0x4E00 + 50)], "ru": ["жук"] * 3}
    tokenizer = train_tokenizer(lines, size=200, characters=2000)
    assert unknown_rate(tokenizer, lines["en"] + lines["ru"]) == 0
    assert unknown_rate(tokenizer, ["\u9fa0"]) == 1


# --- rows and masks -------------------------------------------------------------------------------


def test_packing_loses_nothing_and_never_overflows() -> None:
    chance = random.Random(0)
    lengths = [chance.randint(3, 24) for _ in range(500)]
    rows = group_lines(lengths, row=24)
    assert sorted(line for row in rows for line in row) == list(range(500))
    assert max(sum(lengths[line] for line in row) for row in rows) <= 24
    assert sum(lengths) / (24 * len(rows)) > 0.85


def test_packed_lines_come_out_again() -> None:
    lines = made_up_ids(60)
    unpacked = unpack_lines(pack_lines(lines, row=24))
    assert sorted(map(tuple, unpacked)) == sorted(map(tuple, lines))


def test_packed_sentences_are_seen_as_when_alone() -> None:
    stream = RowStream({"en": pack_lines(made_up_ids(40), row=24)}, rows=4, smoothing=0.5, seed=0)
    ids, ordinary = stream.next_batch()
    assert ordinary == int((ids >= 5).sum())
    segments, positions = find_sentences(ids)
    assert torch.equal(segments == 0, ids == 0)
    model = make_model(TINY, size=40).eval()
    mask = {"full_attention": sees(segments), "sliding_attention": None}
    with torch.no_grad():
        packed = model.model(input_ids=ids, attention_mask=mask, position_ids=positions)[0]
        row = int(segments.amax(dim=1).argmax())
        here = segments[row] == 2
        assert here.sum() > 2
        assert positions[row][here].tolist() == list(range(int(here.sum())))
        alone = model.model(input_ids=ids[row][here][None])[0][0]
    torch.testing.assert_close(packed[row][here], alone, atol=1e-5, rtol=1e-4)


def test_stream_goes_on_where_it_stopped() -> None:
    packed = {
        "en": pack_lines(made_up_ids(30), row=24),
        "fr": pack_lines(made_up_ids(9, seed=1), row=24),
    }

    def stream() -> RowStream:
        return RowStream(packed, rows=4, smoothing=0.5, seed=3)

    one, other = stream(), stream()
    for _ in range(7):
        one.next_batch()
    other.load_state(one.state())
    for _ in range(5):
        assert torch.equal(one.next_batch()[0], other.next_batch()[0])


def test_stream_reads_every_row_once_an_epoch() -> None:
    packed = {"en": pack_lines(made_up_ids(60), row=24)}
    stream = RowStream(packed, rows=len(packed["en"]), smoothing=0.5, seed=0)
    for _ in range(2):
        ids, _ = stream.next_batch()
        assert sorted(map(tuple, ids.tolist())) == sorted(map(tuple, packed["en"].tolist()))


def test_measuring_hides_a_share_of_the_ordinary_tokens() -> None:
    ids = torch.randint(5, 1000, (64, 64), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1] = 2, 0
    hidden = hide_tokens(ids, share=0.15, generator=torch.Generator().manual_seed(1))
    old, new = ids.flatten(), hidden.ids.flatten()
    assert len(hidden.places) == int(0.15 * int((old >= 5).sum()))
    assert torch.equal(hidden.labels, old[hidden.places])
    assert bool((hidden.labels >= 5).all())
    assert bool((new[hidden.places] == MASK).all())
    assert int((old != new).sum()) == len(hidden.places)


def test_masking_shares_and_specials() -> None:
    torch.manual_seed(0)
    ids = torch.randint(5, 1000, (64, 64))
    ids[:, 0], ids[:, -1] = 2, 0
    ids[3, 2:] = 0  # one ordinary token
    ids[4, 1:] = 0  # none
    hidden = hide_in_rows(ids, share=0.35, as_mask=0.8, as_random=0.1, size=1000)
    used = hidden.labels != IGNORED
    rows = hidden.places[used] // 64
    for row, count in enumerate((ids >= 5).sum(dim=1).tolist()):
        assert int((rows == row).sum()) == round(0.35 * count)
    old, new = ids.flatten(), hidden.ids.flatten()
    places, labels = hidden.places[used], hidden.labels[used]
    assert len(set(places.tolist())) == len(places)
    assert torch.equal(labels, old[places])
    assert bool((labels >= 5).all())
    untouched = torch.ones_like(old, dtype=torch.bool)
    untouched[places] = False
    assert torch.equal(old[untouched], new[untouched])
    put = new[places]
    assert float((put == MASK).float().mean()) == pytest.approx(0.8, abs=0.04)
    assert float((put == labels).float().mean()) == pytest.approx(0.1, abs=0.03)
    assert bool(((put == MASK) | (put >= 5)).all())


# --- start, steps, resume -------------------------------------------------------------------------


def test_ppmi_puts_companions_together() -> None:
    chance = np.random.default_rng(0)
    pairs = [chance.permutation([a, a + 1]) for a in range(5, 25, 2) for _ in range(20)]
    table = embed_tokens({"en": pairs}, size=26, width=8, std=0.04)
    assert table.shape == (26, 8)
    assert table.dtype == np.float32
    assert np.isfinite(table).all()
    assert float(table[5:25].std()) == pytest.approx(0.04, rel=0.2)
    again = embed_tokens({"en": pairs}, size=26, width=8, std=0.04)
    np.testing.assert_allclose(table @ table.T, again @ again.T, atol=1e-6)


def test_orthogonalize_evens_singular_values() -> None:
    torch.manual_seed(0)
    for shape in ((3, 16, 16), (2, 32, 8), (2, 8, 32)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
        assert float(values.min()) > 0.4
        assert float(values.max()) < 1.4


def test_rate_warms_up_stays_and_falls() -> None:
    rates = [rate_factor(step, warmup=4, spent=step / 20, decay=0.25) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert set(rates[3:15]) == {1.0}
    assert rates[15:] == sorted(rates[15:], reverse=True)
    assert 0 < rates[-1] < 0.21
    assert rate_factor(99, warmup=4, spent=1.3, decay=0.25) == 0
    assert rate_factor(99, warmup=4, spent=1.3, decay=0) == 1


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_resumed_run_is_bit_equal(tmp_path: Path, optimizer: str) -> None:
    packed = {
        "en": pack_lines(made_up_ids(30), row=24),
        "zh": pack_lines(made_up_ids(20, seed=1), row=24),
    }
    settings = replace(TINY, optimizer=optimizer)
    assert settings.dropout > 0
    torch.set_num_threads(1)
    whole = Run(settings, packed, size=40)
    first = Run(settings, packed, size=40)
    for factor in (0.5, 1.0, 0.5):
        loss = whole.advance(factor)
    for factor in (0.5, 1.0):
        first.advance(factor)
    first.save(tmp_path)
    second = Run(settings, packed, size=40)
    second.load(tmp_path)
    assert second.advance(0.5) == loss
    assert (second.step, second.tokens) == (whole.step, whole.tokens)
    fresh = Run(settings, packed, size=40).model.state_dict()
    moved = 0
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name]), name
        moved += not torch.equal(weight, fresh[name])
    assert moved > 10


def test_text_survives_its_file(tmp_path: Path) -> None:
    packed = pack_lines(made_up_ids(30), row=24)
    Text(train={"en": packed}, heldout={"en": packed[:2], "zh": packed[2:3]}).save(tmp_path)
    text = Text.load(tmp_path)
    assert list(text.heldout) == ["en", "zh"]
    np.testing.assert_array_equal(text.train["en"], packed)
    np.testing.assert_array_equal(text.heldout["zh"], packed[2:3])


def write_corpus(data: Path) -> None:
    """Made-up lines of six languages, where the sources of the published model would lie."""
    for source in SOURCES:
        folder = data / "bitext" / source.folder
        folder.mkdir(parents=True)
    for number, language in enumerate(LANGUAGES):
        lines = made_up_lines(120, seed=number)
        (data / "bitext" / "bible" / f"multi.{language}").write_text("\n".join(lines), "utf-8")


@pytest.mark.parametrize("length", ["--steps=6", "--seconds=4"])
def test_pretraining_from_text_to_model(tmp_path: Path, length: str) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_corpus(data)
    run.mkdir()
    lines = {name: split.train for name, split in read_corpus(data).items()}
    train_tokenizer(lines, size=120, characters=3000).save(str(run / "tokenizer.json"))
    recipe = tmp_path / "tiny.yaml"
    save_settings(replace(TINY, ppmi=False), recipe)
    base = ["--out", str(run), "--recipe", str(recipe)]
    with pytest.raises(SystemExit, match="--data"):
        pretrain([*base, length])
    pretrain([*base, "--data", str(data), "--prepare"])
    pretrain([*base, length, "--decay", "0.5"])  # without the corpus
    model = make_model(TINY, size=120)
    weights = list((run / "best").glob("*.safetensors"))
    assert sum(len(load_file(file)) for file in weights) == len(list(model.parameters()))
    history = read_history(run)
    assert history.device == "cpu"
    assert history.length == length.removeprefix("--").replace("=", " ")
    assert history.steps > history.decay > 0
    log = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    assert set(next(r for r in log if "heldout" in r)["heldout"]) == set(LANGUAGES)
    exported = export_run(
        run, data, tmp_path / "mini", settings=load_settings(run / "settings.yaml"), date="2026"
    )
    assert exported == history
    card = (tmp_path / "mini" / "README.md").read_text("utf-8")
    assert f"--{history.length} --decay 0.5" in card
    config = json.loads((tmp_path / "mini" / "config.json").read_text("utf-8"))
    assert config["attention_dropout"] == config["mlp_dropout"] == 0


def test_compiler_that_fails_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = {"en": pack_lines(made_up_ids(30), row=24)}

    def broken(*_: object) -> None:
        raise RuntimeError("no compiler here")

    def compile_layers(model: ModernBertForMaskedLM) -> None:
        for layer in model.model.layers:
            layer.compile(backend=broken)

    monkeypatch.setattr("research.mini.run.compile_layers", compile_layers)
    run = Run(replace(TINY, compile=True), packed, size=40)
    assert run.advance(1.0) == Run(TINY, packed, size=40).advance(1.0)


def test_unigram_start_and_measure_agree() -> None:
    """A fresh model with the unigram bias scores about the unigram entropy."""
    lines = made_up_ids(400)
    counts = token_counts(lines, size=40)
    model = make_model(TINY, size=40, shares=counts / counts.sum())
    loss, _, count = masked_loss(model, lines)
    assert count > 500
    assert loss == pytest.approx(entropy(counts), abs=0.1)


def test_balance_evens_lengths_and_keeps_predictions() -> None:
    lines = made_up_ids(60)
    model = make_model(TINY, size=40).eval()
    with torch.no_grad():
        model.model.embeddings.norm.weight.mul_(10.0)
        for layer in model.model.layers:
            layer.mlp.Wo.weight.mul_(100.0)
            layer.attn.Wo.weight.mul_(100.0)
            layer.attn.Wqkv.weight.mul_(5.0)
    ids = torch.from_numpy(max(lines, key=len))[None]
    before = model(ids).logits
    lengths = state_lengths(model, lines)
    assert lengths[1] > 2 * lengths[-1]
    balance_layers(model, lines)
    lengths = state_lengths(model, lines)
    assert lengths[1] == pytest.approx(lengths[-1], rel=1e-3)
    torch.testing.assert_close(model(ids).logits, before, atol=1e-3, rtol=1e-3)


# --- settings and card ----------------------------------------------------------------------------


def test_settings_name_the_nearest_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'layers'"):
        load_settings(None, ["layer=3"])
    with pytest.raises(ConfigError, match="Allowed: adamw, muon"):
        load_settings(None, ["optimizer=sgd"])
    recipe = tmp_path / "r.yaml"
    recipe.write_text("adam_lr: 2e-3\nlayers: 3\n", encoding="utf-8")
    settings = load_settings(recipe, ["rows=8"])
    assert (settings.adam_lr, settings.layers, settings.rows) == (0.002, 3, 8)


def test_exported_folder_loads_and_card_has_every_language(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoModelForMaskedLM

    tokenizer = train_tokenizer({"en": made_up_lines()}, size=60, characters=3000)
    model = make_model(TINY, size=tokenizer.get_vocab_size()).eval()
    ids = torch.tensor([tokenizer.encode("abc de").ids])
    with torch.no_grad():
        expected = model(ids).logits
    write_model(model, tokenizer, tmp_path)
    loaded = AutoModelForMaskedLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids).logits, expected, atol=2e-2, rtol=2e-2)
    assert len(AutoModel.from_pretrained(tmp_path)(ids, output_hidden_states=True)[1]) == 3
    rows = [
        Score(
            language=language,
            lines=1,
            predictions=1,
            loss=math.log(2),
            accuracy=0.5,
            entropy_heldout=3.0,
            entropy_train=4.0,
            unknown=0.0,
        )
        for language in LANGUAGES
    ]
    history = History(
        device="cpu", length="steps 1", share=0.5, steps=1, tokens=1, seconds=6.0, decay=1
    )
    facts = Facts(parameters=1, size=1, characters=1, lines=1, date="2026-11-22")
    card = write_card(rows, facts, history, TINY)
    for language in LANGUAGES:
        assert f"\n| {language} (" in card
    assert "**2.31**" in card
    assert "| 2.0 |" in card
    assert "Interim" not in card
