"""Draw the figures of docs/method.md with the library's own batches and losses.

python docs/draw_figures.py --out docs/figures
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap

from crosszero.align.spans import WordPair
from crosszero.model.losses import cz_nce, info_nce
from crosszero.samples import Sample
from crosszero.training.batch import build_batch
from crosszero.training.train_config import TrainConfig

BLUE, RED, GREY, WHITE = "#2a5bd7", "#c2410c", "#d9dce3", "#ffffff"
LINES = [
    ("en", "The weather is good", "fr", "Le temps est bon", {"weather": "temps", "good": "bon"}),
    ("en", "The weather is good", "de", "Das Wetter ist gut", {"weather": "Wetter"}),
    ("en", "A cold sea", "fr", "Une mer froide", {"sea": "mer"}),
]  # fmt: skip


def make_sample(line: tuple[str, str, str, str, dict[str, str]], number: int) -> Sample:
    source_language, source, target_language, target, words = line

    def span(text: str, word: str) -> tuple[int, int]:
        return text.index(word), text.index(word) + len(word)

    return Sample(
        source=source,
        target=target,
        source_language=source_language,
        target_language=target_language,
        origin=f"corpus:{number}",
        words=tuple(WordPair(span(source, a), span(target, b), 1.0) for a, b in words.items()),
        finder="lexicon",
    )


def draw_batch(out: Path) -> None:
    """Which anchors of a batch are positives and negatives of each other."""
    rows = [make_sample(line, number) for number, line in enumerate(LINES, 1)]
    config = TrainConfig(level="multi", words_per_sentence=8)
    batch = build_batch([[row] for row in rows], config, np.random.default_rng(1))
    sides = np.array([*batch.left, *batch.right])
    groups = np.array([*batch.groups, *batch.groups])
    count = len(batch.left)
    cells = np.where(groups[:, None] == groups[None, :], 0, 1)  # 0 left out, 1 negative
    for i in range(count):
        cells[i, i + count] = cells[i + count, i] = 2
    names = []
    for anchor in sides:
        text, first, last = batch.anchors[anchor]
        names.append(f"{batch.texts[text][first:last]} ({batch.languages[text]})")
    figure, axes = plt.subplots(figsize=(6.4, 4.6))
    axes.imshow(cells, cmap=ListedColormap([WHITE, GREY, BLUE]), vmin=0, vmax=2)
    axes.set_xticks(range(2 * count), names, rotation=40, ha="left")
    axes.set_yticks(range(2 * count), names)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.set_xticks(np.arange(-0.5, 2 * count), minor=True)
    axes.set_yticks(np.arange(-0.5, 2 * count), minor=True)
    axes.grid(which="minor", color="#8a8f99", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    shown = ((BLUE, "positive"), (GREY, "negative"), (WHITE, "left out: means the same"))
    patches = [
        plt.Rectangle((0, 0), 1, 1, facecolor=color, edgecolor="#8a8f99", label=label)
        for color, label in shown
    ]
    axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False)
    save(figure, out / "batch.svg")


def draw_losses(out: Path) -> None:
    """Value and gradient of both losses while the positives win."""
    angles = torch.linspace(np.pi / 2, 0.02, 60, dtype=torch.float64)
    one = torch.eye(4, dtype=torch.float64)
    found: dict[str, list[tuple[float, float, float]]] = {"InfoNCE": [], "CZ-NCE": []}
    for angle in angles:
        # Each translation turns from its text's direction towards one that no text has.
        other = torch.cat([torch.cos(angle) * one, torch.sin(angle) * one], dim=1)
        texts = torch.cat([one, torch.zeros_like(one)], dim=1)
        for name, loss in (("InfoNCE", info_nce), ("CZ-NCE", cz_nce)):
            x = texts.clone().requires_grad_()
            value = loss(x, other, temperature=0.2)
            (gradient,) = torch.autograd.grad(value, x)
            found[name].append((float(torch.cos(angle)), value.item(), float(gradient.norm())))
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 2.9))
    for (name, points), color in zip(found.items(), (RED, BLUE), strict=True):
        cosine, value, length = zip(*points, strict=True)
        left.plot(cosine, value, color=color, label=name)
        right.plot(cosine, length, color=color, label=name)
    left.axhline(0, color="#8a8f99", linewidth=0.8)
    left.set_title("loss")
    right.set_title("length of the gradient")
    for axes in (left, right):
        axes.set_xlabel("cosine of a text and its translation")
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False)
    save(figure, out / "losses.svg")


def save(figure: plt.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"), help="folder")
    folder = parser.parse_args().out
    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "crosszero", "font.size": 10}
    draw_batch(folder)
    draw_losses(folder)
