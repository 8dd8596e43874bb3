"""The encoder inside the package: small enough, loadable, its card shows what it learnt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

FOLDER = Path(__file__).parents[2] / "src" / "crosszero" / "assets" / "crosszero-mini"


def test_files_and_size() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= names
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 25_000_000


def test_layers_are_finite_and_padding_is_harmless() -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModel.from_pretrained(FOLDER, dtype=torch.float32).eval()
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
        ("She gave me a [MASK] yesterday.", "book"),
    ],
)
def test_fills_a_gap_by_its_context(text: str, word: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForMaskedLM.from_pretrained(FOLDER, dtype=torch.float32).eval()
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
