"""A small cased WordPiece tokeniser for six languages.

The Arabic bible is fully vocalised and modern Arabic is not; left alone, one word would be two.
So the NORMALIZER (not the corpus reader) drops vowel signs, tatweel and direction marks, and
writes every alef as the bare one: all text gets the same treatment, and offsets still point into
the text as given.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import WordPieceTrainer
from transformers import PreTrainedTokenizerFast

from .corpus import smoothed_shares

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
DROPPED = "[\u0640\u064b-\u0655\u0670\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
ALEFS = "[\u0622\u0623\u0625\u0671]"  # with madda, hamza above, hamza below, wasla


def build_tokenizer(model: models.WordPiece) -> Tokenizer:
    """Normalizer, pre-tokenizer and template around a WordPiece model; specials have ids 0-4."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Replace(Regex(DROPPED), ""),
            normalizers.Replace(Regex(ALEFS), "\u0627"),
            normalizers.BertNormalizer(
                clean_text=True,
                handle_chinese_chars=True,
                strip_accents=False,
                lowercase=False,
            ),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, SPECIALS.index(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def sample_lines(
    lines: Mapping[str, Sequence[str]], *, characters: int, seed: int
) -> Iterator[str]:
    """About `characters` characters, shared among the languages by size ** 0.5.

    A language that is smaller than its share is read again from the start.
    """
    sizes = {name: sum(map(len, texts)) for name, texts in lines.items()}
    for name, share in smoothed_shares(sizes, 0.5).items():
        left = share * characters
        texts = list(lines[name])
        random.Random(f"{seed}:{name}").shuffle(texts)
        while left > 0:
            for text in texts:
                if left <= 0:
                    break
                left -= len(text)
                yield text


def common_characters(lines: Mapping[str, Sequence[str]]) -> list[str]:
    """Characters that occur 3 times in some language: the alphabet that must be covered."""
    found: set[str] = set()
    for texts in lines.values():
        counts = Counter(character for text in texts for character in text)
        found |= {character for character, count in counts.items() if count >= 3}
    return sorted(found)


def train_tokenizer(
    lines: Mapping[str, Sequence[str]], *, size: int, characters: int = 20_000_000, seed: int = 0
) -> Tokenizer:
    """Train the vocabulary on a smoothed sample of the lines; every common character is in it."""
    tokenizer = build_tokenizer(models.WordPiece(unk_token="[UNK]"))
    normalize = tokenizer.normalizer.normalize_str
    alphabet = common_characters(lines)
    kept = sorted({piece for c in alphabet for piece in normalize(c).strip() if piece.strip()})
    trainer = WordPieceTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(SPECIALS),
        initial_alphabet=kept,
        limit_alphabet=len(kept),
        continuing_subword_prefix="##",
        show_progress=False,
    )
    sample = sample_lines(lines, characters=characters, seed=seed)
    tokenizer.train_from_iterator(sample, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json, so that `AutoTokenizer` reads the folder."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
    wrapped.save_pretrained(folder)
    # The class name that every transformers release knows; 5 writes its own new name for it.
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("backend", None)
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def unknown_rate(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Share of tokens, [CLS] and [SEP] apart, that are [UNK]."""
    unknown = total = 0
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        total += len(encoding.ids)
        unknown += encoding.ids.count(SPECIALS.index("[UNK]"))
    return unknown / max(total, 1)
