"""Held-out masked-token loss against unigram entropy, per language.

The lines are scored as they will be used: one sentence a row, padded, with an ordinary attention
mask. 15 % of the tokens are hidden, all as [MASK]; the masks are drawn from a fixed seed, four
times. Two yardsticks that know frequencies but no context: the entropy of the held-out tokens
themselves (what the best unigram model fitted to this very text would reach), and that of the
training tokens.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForMaskedLM, AutoTokenizer, PreTrainedModel

from .corpus import read_corpus
from .masking import hide_tokens
from .rows import encode_lines, pad_lines
from .settings import load_settings
from .tokenizer import SPECIALS, unknown_rate

SHARE = 0.15
DRAWS = 4
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Score:
    """One language's row of the model card."""

    language: str
    lines: int
    """Held-out lines."""
    predictions: int
    """Hidden tokens scored."""
    loss: float
    """Mean cross-entropy of the hidden tokens, in nats."""
    accuracy: float
    """Share of the hidden tokens that the model puts first."""
    entropy_heldout: float
    """Unigram entropy of the held-out tokens, in nats."""
    entropy_train: float
    """Unigram entropy of the training tokens, in nats."""
    unknown: float
    """Share of [UNK] among the held-out tokens."""

    @property
    def gain(self) -> float:
        """Nats below the LOWER of the two entropies."""
        return min(self.entropy_heldout, self.entropy_train) - self.loss

    @property
    def perplexity(self) -> float:
        """exp(loss)."""
        return math.exp(self.loss)


def token_counts(lines: Sequence[np.ndarray], *, size: int) -> np.ndarray:
    """Counts (size,) of the ordinary tokens."""
    counts = np.bincount(np.concatenate(list(lines)), minlength=size)
    counts[: len(SPECIALS)] = 0
    return counts


def entropy(counts: np.ndarray) -> float:
    """Entropy of a unigram distribution given by counts, in nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


@torch.inference_mode()
def masked_loss(
    model: PreTrainedModel, lines: Sequence[np.ndarray], *, draws: int = DRAWS
) -> tuple[float, float, int]:
    """Mean loss, accuracy and number of the hidden tokens of `lines`."""
    model.eval()
    generator = torch.Generator().manual_seed(0)
    loss, right, count = 0.0, 0, 0
    ordered = sorted(lines, key=len)
    device = model.device
    for start in range(0, len(ordered), BATCH):
        ids, attention = pad_lines(ordered[start : start + BATCH])
        for _ in range(draws):
            hidden = hide_tokens(ids, share=SHARE, generator=generator)
            states = model.base_model(
                input_ids=hidden.ids.to(device), attention_mask=attention.to(device)
            )[0]
            logits = model.decoder(model.head(states.flatten(0, 1)[hidden.places.to(device)]))
            labels = hidden.labels.to(device)
            loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
            right += int((logits.argmax(-1) == labels).sum())
            count += len(labels)
    return loss / count, right / count, count


def score_folder(folder: Path, data: Path, *, seed: int, longest: int = 128) -> list[Score]:
    """A row per language of a saved model, as a user loads it: by the Auto classes, in float32."""
    tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32)
    size, rows = model.config.vocab_size, []
    for language, split in read_corpus(data, seed=seed).items():
        lines, trained = (
            encode_lines(tokenizer, part, longest=longest) for part in (split.heldout, split.train)
        )
        loss, accuracy, count = masked_loss(model, lines)
        rows.append(
            Score(
                language=language,
                lines=len(lines),
                predictions=count,
                loss=loss,
                accuracy=accuracy,
                entropy_heldout=entropy(token_counts(lines, size=size)),
                entropy_train=entropy(token_counts(trained, size=size)),
                unknown=unknown_rate(tokenizer, split.heldout),
            )
        )
    return rows


def main() -> None:
    """Print one JSON line per language for a saved model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="model folder")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds bitext/")
    parser.add_argument("--recipe", type=Path, help="settings.yaml of the run, for the seed")
    args = parser.parse_args()
    for row in score_folder(args.folder, args.data, seed=load_settings(args.recipe).seed):
        print(json.dumps({**asdict(row), "gain": round(row.gain, 4)}))


if __name__ == "__main__":
    main()
