"""Tokenisers without character offsets: those that are found are those that a fast one gives."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertJapaneseTokenizer, XLMConfig, XLMTokenizer, XLMWithLMHeadModel

from crosszero.align.spans import Span
from crosszero.model.backbone import Backbone
from crosszero.model.encoder import Encoder
from crosszero.model.slow_tokenizer import find_offsets, tokenize_slowly
from crosszero.model.tokens import TokenizedTexts
from crosszero.tasks.finetune.classification import fine_tune_classifier
from crosszero.tasks.finetune.config import FineTuneConfig
from crosszero.tasks.finetune.examples import SentencePairExample, TaggedSentence
from crosszero.tasks.finetune.tagging import fine_tune_tagger
from tests.conftest import make_tokenizer
from tests.tasks.finetune.test_tagging import measure_accuracy

TEXTS = ["the weather is good", "«Été» – l’eau… No. 7!", "猫 狗", "الطقس اليوم", " the  house "]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An XLM with one token for each letter, and a few longer ones."""
    made = tmp_path_factory.mktemp("xlm")
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789.,!'-\"éÉ猫狗" + TEXTS[3]) - {" "})
    merges = ["t h", "th e</w>", "h o", "ho u", "i s</w>"]
    longer = [merge.replace(" ", "") for merge in merges]
    special = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{n}>" for n in range(10))]
    tokens = [*special, *letters, *(f"{letter}</w>" for letter in letters), *longer]
    vocabulary, rules = made / "vocab.json", made / "merges.txt"
    vocabulary.write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    rules.write_text("".join(f"{merge} 1\n" for merge in merges))
    tokenizer = XLMTokenizer(
        str(vocabulary), str(rules), do_lowercase_and_remove_accent=False, model_max_length=64
    )
    torch.manual_seed(0)
    model = XLMWithLMHeadModel(
        XLMConfig(
            vocab_size=len(tokens),
            emb_dim=16,
            n_layers=2,
            n_heads=2,
            max_position_embeddings=64,
            pad_index=2,
            unk_index=3,
            mask_index=5,
        )
    )
    tokenizer.save_pretrained(made)
    model.save_pretrained(made)
    return made


def test_tokens_are_those_of_the_tokeniser(folder: Path) -> None:
    backbone = Backbone.load(folder)
    for length in (64, 9):
        for text, tokens in zip(TEXTS, backbone.tokenize(TEXTS, length), strict=True):
            coded = backbone.tokenizer(text, truncation=True, max_length=length)
            assert tokens.ids == coded["input_ids"]
            whole = backbone.tokenizer.tokenize(text)
            assert tokens.truncated == (len(whole) > length - 2)
            assert tokens.first == 1
            assert len(tokens.starts) == len(tokens) - 2


def test_offsets_through_what_moses_changes(folder: Path) -> None:
    text = TEXTS[1]
    tokens = Backbone.load(folder).tokenize([text], 64)[0]
    found = [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)]
    assert "".join(found).replace("…", "") == "«Été»–l’eauNo.7!"
    assert found.count("…") == 3  # written as three points, each of which is the one character
    assert found[-1] == "!"


@given(st.integers(0, 10**6))
def test_offsets_equal_those_of_a_fast_tokeniser(seed: int) -> None:
    tokenizer = make_tokenizer()
    draw = random.Random(seed)
    parts = ["the", "weather", "House", "été", "e\u0301", "猫狗", ",", "...", "الطقس", "x9", "“"]
    text = "".join(draw.choice(parts) + draw.choice(["", " ", "  "]) for _ in range(12))
    coded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    tokens = coded.tokens()
    known = [i for i, token in enumerate(tokens) if token != tokenizer.unk_token]
    offsets = find_offsets(text, tokens)
    assert len(offsets) == len(tokens)
    assert offsets == sorted(offsets)
    if len(known) == len(tokens):
        expected = coded["offset_mapping"]
        for (start, end), (first, last) in zip(offsets, expected, strict=True):
            # Marks that stand alone may belong to the token or not: nothing is lost without them.
            assert first <= start
            assert end <= last
            assert text[end:last].strip("\u0301") == "" == text[first:start].strip("\u0301")


def test_tokens_of_other_letters_share_the_characters_between() -> None:
    assert find_offsets("ab XY cd", ["ab</w>", "[UNK]", "cd</w>"]) == [(0, 2), (3, 5), (6, 8)]
    assert find_offsets("ab", ["ab</w>", "!</w>"]) == [(0, 2), (2, 2)]
    assert find_offsets("", []) == []
    assert find_offsets("a ## b", ["a", "##", "b"]) == [(0, 1), (2, 4), (5, 6)]


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> BertJapaneseTokenizer:
    """WordPiece that knows no digits, and the letters u, n and k in known words only."""
    letters = [*"abdehioprst", *(f"##{letter}" for letter in "abdehioprstunk")]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dun", "##kel", "tunk", "ein", "空", "-"]
    path = tmp_path_factory.mktemp("basic") / "vocab.txt"
    path.write_text("\n".join(words + letters), encoding="utf-8")
    return BertJapaneseTokenizer(
        str(path), word_tokenizer_type="basic", subword_tokenizer_type="wordpiece"
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["ein", "dunkel", "tunk", "kunu", "7", "雨", "空雨", "雨雨", "e\u0301", "☂",
                         "ein-7", "7-7", "[UNK]", "bad"]),
        max_size=8,
    ),
    st.integers(0, 1),
)  # fmt: skip
def test_unknown_words_do_not_share_their_tokens(
    basic: BertJapaneseTokenizer, words: list[str], spaces: int
) -> None:
    text = (" " * (spaces + 1)).join(words)
    tokens = TokenizedTexts.of([tokenize_slowly(basic, text, 64)])
    place, expected = 1, 0
    for word in words:
        own = len(basic.tokenize(word))
        expected = text.index(word, expected)
        found = tokens.locate([(0, expected, expected + len(word))])
        assert found.tolist() == [[place, place + own] if own else [0, 0]]
        place, expected = place + own, expected + len(word)


def test_unknown_tokens_without_spaces(basic: BertJapaneseTokenizer) -> None:
    for text, pieces in [
        ("7-雨.kun", ["7", "-", "雨", ".", "kun"]),
        ("dunkel,7雨", ["dun", "kel", ",", "7雨"]),
        ("雪-" * 150, ["雪", "-"] * 150),
    ]:
        (tokens,) = TokenizedTexts.of([tokenize_slowly(basic, text, 400)])
        assert [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)] == pieces


def test_tokens_whose_pieces_depend_on_their_neighbours_share_what_is_between() -> None:
    """No piece alone is cut as in the text: what is known is laid beside the letters."""

    class Joined:
        unk_token = "?"

        def tokenize(self, text: str) -> list[str]:
            return ["ab", "?", "?", "cd"] if len(text) > 9 else ["whole"]

        def num_special_tokens_to_add(self, pair: bool) -> int:
            return 0

        def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
            return list(range(len(tokens)))

        def get_special_tokens_mask(self, ids: list[int]) -> list[int]:
            return [0] * len(ids)

        def build_inputs_with_special_tokens(self, ids: list[int]) -> list[int]:
            return ids

    coded = tokenize_slowly(Joined(), "ab xyz uvw cd", 9)  # type: ignore[arg-type]
    tokens = TokenizedTexts.of([coded])
    assert tokens.starts.tolist() == [0, 3, 3, 11]
    assert tokens.ends.tolist() == [2, 10, 10, 13]


def test_a_slow_tokeniser_is_told_once(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        Encoder.load(shutil.copytree(folder, tmp_path / "xlm", dirs_exist_ok=True))
    assert caplog.text.count("slow tokeniser") == 1


def test_words_get_the_vectors_of_their_tokens(folder: Path) -> None:
    encoder = Encoder.load(folder, layer=2)
    text = "the weather"
    words = encoder.encode_words([text], [[Span(0, 3), Span(4, 11)]])[0]
    tokens = encoder.backbone.tokenizer.tokenize(text)
    assert tokens[0] == "the</w>"
    ids = torch.tensor([encoder.backbone.tokenizer(text)["input_ids"]])
    with torch.no_grad():
        states = encoder.backbone.base.eval()(ids, output_hidden_states=True).hidden_states[2][0]
    np.testing.assert_allclose(words[0], states[1], atol=1e-6)
    np.testing.assert_allclose(words[1], states[2:-1].mean(0), atol=1e-6)
    together = encoder.encode(TEXTS)
    np.testing.assert_allclose(together[:1], encoder.encode(TEXTS[:1]), atol=1e-6)


def test_xlm_is_fine_tuned(folder: Path, tmp_path: Path) -> None:
    config = FineTuneConfig(learning_rate=1e-2, steps=60, max_length=60, eval_every=20)
    draw = random.Random(0)
    pairs, sentences = [], []
    for number in range(64):
        fill, sign = draw.choices(["the", "house", "is"], k=3), "01"[number % 2]
        pairs.append(SentencePairExample(" ".join(fill), f"the {sign}", sign))
        tags = ["DIGIT" if word.isdigit() else "WORD" for word in [*fill, sign]]
        sentences.append(TaggedSentence((*fill, sign), tuple(tags)))
    classifier = fine_tune_classifier(folder, pairs, pairs[:16], config, out=tmp_path / "pairs")
    assert classifier.predict(pairs) == [pair.label for pair in pairs]
    out = tmp_path / "tags"
    tagger = fine_tune_tagger(
        folder, sentences, sentences[:16], config, metric=measure_accuracy, out=out
    )
    assert tagger.predict(sentences) == [sentence.tags for sentence in sentences]


def test_its_head_is_the_models_own(folder: Path) -> None:
    backbone = Backbone.load(folder, mlm=True).eval()
    ids = torch.tensor([backbone.tokenizer(TEXTS[0])["input_ids"]])
    assert backbone.mlm_head is not None
    with torch.no_grad():
        whole = backbone.model(ids).logits[0]
        rows = backbone.mlm_head(backbone.base(ids).last_hidden_state[0])
    torch.testing.assert_close(rows, whole)
