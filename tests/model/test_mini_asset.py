"""The encoders inside the package: small enough, loadable, their cards show what they learnt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from crosszero.model.encoder import Encoder

FOLDER = Path(__file__).parents[2] / "src" / "crosszero" / "assets" / "crosszero-mini"
ALIGNED = FOLDER.with_name("crosszero-mini-aligned")


def test_files_and_size() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= names
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 25_000_000


@pytest.mark.parametrize("folder", [FOLDER, ALIGNED], ids=["mini", "aligned"])
def test_layers_are_finite_and_padding_is_harmless(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    texts = ["Where is my book?", "أين كتابي؟", "Где моя очень старая книга?", "我的书在哪里？"]
    with torch.no_grad():
        batch = model(
            **tokenizer(texts, padding=True, return_tensors="pt"), output_hidden_states=True
        )
        alone = model(**tokenizer(texts[0], return_tensors="pt"), output_hidden_states=True)
    assert len(batch.hidden_states) == model.config.num_hidden_layers + 1
    length = alone.last_hidden_state.shape[1]
    for padded, single in zip(batch.hidden_states, alone.hidden_states, strict=True):
        assert bool(padded.isfinite().all())
        torch.testing.assert_close(padded[0, :length], single[0], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Je ne sais [MASK] où il est.", "pas"),
        ("No sé [MASK] está.", "dónde"),
        ("Он [MASK] знает этого.", "не"),
        ("She gave me a [MASK] yesterday.", "letter"),
    ],
)
@pytest.mark.parametrize("folder", [FOLDER, ALIGNED], ids=["mini", "aligned"])
def test_fills_a_gap_by_its_context(folder: Path, text: str, word: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits[0]
    place = int((inputs.input_ids[0] == tokenizer.mask_token_id).nonzero())
    best = tokenizer.convert_ids_to_tokens(logits[place].topk(10).indices.tolist())
    assert word in best


def test_card_proves_context_in_every_language() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^\| (\w\w) \(.*?\*\*(-?[\d.]+)\*\*", card, flags=re.MULTILINE))
    assert set(found) == {"en", "ar", "es", "fr", "ru", "zh"}
    assert min(map(float, found.values())) >= 1.5, found
    for name in ("MPL-2.0", "Apache-2.0", "BSD-3", "CC-BY-2.0-FR", "public-domain"):
        assert name in card


def test_both_are_small_and_tell_their_licences() -> None:
    both = [FOLDER, ALIGNED]
    assert sum(path.stat().st_size for folder in both for path in folder.rglob("*")) <= 40_000_000
    card = (ALIGNED / "README.md").read_text(encoding="utf-8")
    for name in ("MPL-2.0", "Apache-2.0", "BSD-3", "CC-BY-2.0-FR", "public-domain"):
        assert name in card


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("We drink water every day", "Мы пьём воду каждый день"),
        ("My brother has two children", "Mi hermano tiene dos hijos"),
    ],
)
def test_the_aligned_one_links_words(source: str, target: str) -> None:
    found = Encoder.load("crosszero-mini-aligned").align(source, target)
    pairs = [(source[slice(*one)], target[slice(*other)]) for one, other, _ in found]
    assert pairs == list(zip(source.split(), target.split(), strict=True))


def test_the_aligned_one_finds_translations() -> None:
    english = ["The dog is in the house.", "Where is the station?", "He gave me the money."]
    others = {
        "fr": ["Le chien est dans la maison.", "Où est la gare ?", "Il m'a donné l'argent."],
        "ru": ["Собака в доме.", "Где станция?", "Он дал мне деньги."],
        "zh": ["狗在房子里。", "车站在哪里？", "他给了我钱。"],
    }
    encoder = Encoder.load("crosszero-mini-aligned")
    vectors = encoder.encode(english)
    for language, texts in others.items():
        found = (vectors @ encoder.encode(texts).T).argmax(axis=1)
        assert found.tolist() == [0, 1, 2], language
