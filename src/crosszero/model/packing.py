"""Where the tokens of texts stand in the rows that an encoder reads.

One text a row and padded, or several texts in one row. Texts in one row must not see each other,
and each counts its positions from its own start. On a GPU in 16 bits all texts of a mini-batch
share one row, with their borders beside it (:mod:`crosszero.model.varlen`), and no token is
padding. Elsewhere they fill rows no wider than two of the longest text, and a mask lets a token see
only its own text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosszero.model import varlen
from crosszero.model.backbone import Backbone, Hidden
from crosszero.model.pooling import pool_sentences, pool_tokens
from crosszero.model.ragged import Integers, Ragged, spread
from crosszero.model.transfer import send

Form = Literal["padded", "blocks", "varlen"]
"""One text a row; several, kept apart by a mask; all in one, kept apart by their borders."""

_PADDING = -1


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Places of n texts in rows. Made without a device, by any process.

    Attributes:
        form: how texts are kept apart.
        rows: (n,) row of each text.
        starts: (n,) its first column.
        lengths: (n,) its tokens.
        padding: number of the token that fills what is left.
        first_position: of a text.
    """

    form: Form
    rows: Integers
    starts: Integers
    lengths: Integers
    padding: int
    first_position: int

    @classmethod
    def make(cls, backbone: Backbone, lengths: Integers) -> Layout:
        """Lay texts of some lengths out in the form that the encoder takes."""
        form = choose_form(backbone)
        rows, starts = np.arange(len(lengths)), np.zeros(len(lengths), dtype=np.int64)
        if form == "varlen":
            rows, starts = starts, np.cumsum(lengths) - lengths
        elif form == "blocks":
            # Wider would waste less, but what attention costs grows with the square of the width.
            rows, starts = _fill_rows(lengths, 2 * int(lengths.max()))
        padding, first = int(backbone.tokenizer.pad_token_id), backbone.first_position
        return cls(
            form=form, rows=rows, starts=starts, lengths=lengths,
            padding=padding, first_position=first,
        )  # fmt: skip

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.rows.max()) + 1, int((self.starts + self.lengths).max())

    @cached_property
    def places(self) -> Integers:
        """Of every token of every text, counted through all rows."""
        return spread(self.rows * self.shape[1] + self.starts, self.lengths)

    def fill(self, values: NDArray[Any], rest: int) -> Integers:
        """Give each token its number, and what is left `rest`: (rows, columns)."""
        grid = np.full(self.shape, rest, dtype=np.int64)
        grid.reshape(-1)[self.places] = values
        return grid

    def describe(self) -> dict[str, NDArray[Any]]:
        """What the encoder is to know beside the token numbers."""
        if self.form == "padded":
            return {"mask": self.fill(np.ones(int(self.lengths.sum()), dtype=np.int64), 0)}
        inside = spread(np.zeros_like(self.lengths), self.lengths)
        owner = np.repeat(np.arange(len(self.lengths)), self.lengths)
        found: dict[str, NDArray[Any]] = {
            "positions": self.fill(inside + self.first_position, self.first_position),
            "tokens": self.places,
            "owners": owner,
            "counts": self.lengths,
        }
        if self.form == "varlen":
            return found | {"borders": np.append(0, np.cumsum(self.lengths)).astype(np.int32)}
        return found | {"blocks": self.fill(owner, _PADDING)}


@dataclass(frozen=True, kw_only=True)
class PlacedTexts:
    """Texts as the encoder reads them, on its device.

    Attributes:
        layout: where they are.
        ids: (rows, columns) token numbers.
        sent: what :meth:`Layout.describe` gives.
    """

    layout: Layout
    ids: Tensor
    sent: Mapping[str, Tensor]

    def encode(self, backbone: Backbone) -> Hidden:
        """Hidden states, (rows, columns, H) each."""
        if self.layout.form == "padded":
            return backbone(self.ids, self.sent["mask"])  # type: ignore[no-any-return]
        inputs: dict[str, Any] = {"position_ids": self.sent["positions"]}
        if self.layout.form == "varlen":
            borders, longest = self.sent["borders"], int(self.layout.lengths.max())
            inputs |= {"cu_seq_lens_q": borders, "cu_seq_lens_k": borders}
            inputs |= {"max_length_q": longest, "max_length_k": longest}
        else:
            inputs["attention_mask"] = _separate(backbone, self.sent["blocks"])
        with _attending(backbone, self.layout.form):
            output = backbone.base(input_ids=self.ids, output_hidden_states=True, **inputs)
        return Hidden(output.hidden_states)

    def pool(self, hidden: Tensor) -> Tensor:
        """Mean over the tokens of each text, (n, H)."""
        if self.layout.form == "padded":
            return pool_sentences(hidden, self.sent["mask"])
        return pool_tokens(hidden, *(self.sent[name] for name in ("tokens", "owners", "counts")))


def place(backbone: Backbone, texts: Ragged | Sequence[Sequence[int]]) -> PlacedTexts:
    """Put the token numbers of n texts into rows, on the encoder's device."""
    texts = texts if isinstance(texts, Ragged) else Ragged.of(texts)
    layout = Layout.make(backbone, texts.lengths)
    arrays = layout.describe() | {"ids": layout.fill(texts.values, layout.padding)}
    sent = send(arrays, backbone.device)
    return PlacedTexts(layout=layout, ids=sent["ids"], sent=sent)


def choose_form(backbone: Backbone) -> Form:
    """How the texts of an encoder are kept apart; :attr:`Backbone.packs` says whether to pack."""
    if not backbone.packs:
        return "padded"
    return "varlen" if backbone.packs == "varlen" or _takes_borders(backbone) else "blocks"


def _takes_borders(backbone: Backbone) -> bool:
    """Whether the model's own attention takes the borders of texts instead of a mask."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    kind = str(backbone.model.config._attn_implementation)
    return "flash" in kind or kind not in ALL_MASK_ATTENTION_FUNCTIONS


@contextmanager
def _attending(backbone: Backbone, form: Form) -> Iterator[None]:
    """Use torch's varlen attention while texts in one row are read, and only then."""
    config = backbone.model.config
    if form != "varlen" or _takes_borders(backbone):
        yield
        return
    varlen.register()
    before = config._attn_implementation
    config._attn_implementation = varlen.NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def find_packing_obstacle(backbone: Backbone, packs: bool | Literal["varlen"] = True) -> str:
    """Say why an encoder can't read packed texts, or nothing if it can.

    Found by trying, not by a list of architectures: three texts are read padded and packed, and
    must come out the same, but for the rounding of 16 bits.
    """
    ids = backbone.ordinary_ids[:9].tolist()
    texts = [ids[:4], ids[4:9], ids[2:5]]
    before, vectors = backbone.packs, []
    try:
        with backbone.evaluating(), torch.no_grad():
            for backbone.packs in (False, packs):
                placed = place(backbone, texts)
                states = placed.encode(backbone)
                vectors.append(placed.pool(states.read()))
                rounded = states.read(-1).dtype != torch.float32 or torch.is_autocast_enabled(
                    states.read(-1).device.type
                )
    except (TypeError, ValueError, RuntimeError, IndexError, KeyError) as error:
        return f"{backbone.name} can't read packed texts ({type(error).__name__})"
    finally:
        backbone.packs = before
    expected, found = vectors
    apart = float(((found - expected).norm(dim=1) / expected.norm(dim=1)).max())
    if apart > (0.03 if rounded else 1e-3):
        return f"{backbone.name} does not read packed texts as it reads padded ones"
    return ""


def _fill_rows(lengths: Integers, width: int) -> tuple[Integers, Integers]:
    """Row and first column of each text: into the first row that has room."""
    used: list[int] = []
    rows, starts = np.zeros(len(lengths), np.int64), np.zeros(len(lengths), np.int64)
    for i, length in enumerate(lengths):
        row = next((r for r, u in enumerate(used) if u + length <= width), len(used))
        if row == len(used):
            used.append(0)
        rows[i], starts[i] = row, used[row]
        used[row] += int(length)
    return rows, starts


def _separate(backbone: Backbone, owner: Tensor) -> Any:
    """Mask (rows, 1, width, width): a token sees the tokens of its own text.

    Padding is a text of its own, because a token that sees nothing has no softmax.
    """
    from transformers import PreTrainedConfig

    config: PreTrainedConfig = backbone.model.config
    full = (owner[:, :, None] == owner[:, None, :])[:, None]
    if "sliding_attention" not in (getattr(config, "layer_types", None) or ()):
        return full
    places = torch.arange(owner.shape[1], device=owner.device)
    near = (places[:, None] - places[None, :]).abs() <= config.sliding_window
    return {"full_attention": full, "sliding_attention": full & near}
