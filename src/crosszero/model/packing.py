"""Several texts in one row instead of padding, and the position of each.

Texts in one row must not see each other, and each counts its positions from its own start. On a GPU
with flash attention all texts of a mini-batch share one row, with their boundaries beside it
(varlen), and no token is padding. Elsewhere they fill rows no wider than a text may be, and a mask
lets a token see only its own text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosszero.model.backbone import Backbone, Hidden
from crosszero.model.mini_batches import pad
from crosszero.model.pooling import pool_sentences, pool_spans

_PADDING = -1


@dataclass(frozen=True, kw_only=True)
class MiniBatch:
    """Texts as the encoder reads them.

    Attributes:
        ids: (rows, width) token numbers.
        rows: (n,) row of each text.
        starts: (n,) its first column.
        lengths: (n,) its tokens.
        mask: (rows, width), 1 for tokens, of a padded mini-batch.
        inputs: what else the encoder is given, of a packed mini-batch.
    """

    ids: Tensor
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    mask: Tensor | None = None
    inputs: dict[str, Any] = field(default_factory=dict)

    def encode(self, backbone: Backbone) -> Hidden:
        """Hidden states, (rows, width, H) each."""
        if self.mask is not None:
            return backbone(self.ids, self.mask)  # type: ignore[no-any-return]
        output = backbone.base(input_ids=self.ids, output_hidden_states=True, **self.inputs)
        return Hidden(output.hidden_states)

    def pool(self, hidden: Tensor) -> Tensor:
        """Mean over the tokens of each text, (n, H)."""
        if self.mask is not None:
            return pool_sentences(hidden, self.mask)
        places = (self.rows, self.starts, self.starts + self.lengths)
        rows, starts, ends = (torch.from_numpy(x).to(hidden.device) for x in places)
        return pool_spans(hidden, rows, starts, ends)


def lay_out(
    backbone: Backbone, texts: Sequence[Sequence[int]], *, packed: bool | None = None
) -> MiniBatch:
    """Put the token numbers of n texts into rows: one each and padded, or packed.

    `packed`, by default ``backbone.packs``, puts several texts into a row.
    """
    packed = backbone.packs if packed is None else packed
    device = next(backbone.parameters()).device
    padding = int(backbone.tokenizer.pad_token_id)
    lengths = np.asarray([len(text) for text in texts], dtype=np.int64)
    if not packed:
        ids, mask = (part.to(device) for part in pad(texts, padding))
        rows, starts = np.arange(len(texts)), np.zeros(len(texts), dtype=np.int64)
        return MiniBatch(ids=ids, mask=mask, rows=rows, starts=starts, lengths=lengths)
    varlen = uses_varlen(backbone)
    # Wider rows would waste less, but what attention costs grows with the square of their width.
    width = int(lengths.sum()) if varlen else 2 * int(lengths.max())
    rows, starts = _fill_rows(lengths, width)
    shape = (int(rows.max()) + 1, int((starts + lengths).max()))
    ids_, owner = np.full(shape, padding), np.full(shape, _PADDING)
    positions = np.zeros(shape, dtype=np.int64)
    for i, text in enumerate(texts):
        place = rows[i], slice(starts[i], starts[i] + lengths[i])
        ids_[place], owner[place], positions[place] = text, i, np.arange(lengths[i])
    inputs: dict[str, Any] = {
        "position_ids": torch.from_numpy(positions + backbone.first_position).to(device)
    }
    if varlen:
        borders = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)])).int().to(device)
        inputs |= {"cu_seq_lens_q": borders, "cu_seq_lens_k": borders}
        inputs |= {"max_length_q": int(lengths.max()), "max_length_k": int(lengths.max())}
    else:
        inputs["attention_mask"] = _separate(backbone, torch.from_numpy(owner).to(device))
    ids = torch.from_numpy(ids_).to(device)
    return MiniBatch(ids=ids, rows=rows, starts=starts, lengths=lengths, inputs=inputs)


def uses_varlen(backbone: Backbone) -> bool:
    """Whether the encoder's attention takes the borders of texts instead of a mask."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    kind = str(backbone.model.config._attn_implementation)
    return "flash" in kind or kind not in ALL_MASK_ATTENTION_FUNCTIONS


def find_packing_obstacle(backbone: Backbone) -> str:
    """Say why an encoder can't read packed texts, or nothing if it can.

    Found by trying, not by a list of architectures: three texts are read padded and packed, and
    must come out the same, but for the rounding of the 16 bits that flash attention computes in.
    """
    ids = backbone.ordinary_ids[:9].tolist()
    texts = [ids[:4], ids[4:9], ids[2:5]]
    try:
        with backbone.evaluating(), torch.no_grad():
            padded = lay_out(backbone, texts, packed=False)
            expected = padded.pool(padded.encode(backbone).pooled)
            packed = lay_out(backbone, texts, packed=True)
            found = packed.pool(packed.encode(backbone).pooled)
    except (TypeError, ValueError, RuntimeError, IndexError, KeyError) as error:
        return f"{backbone.name} can't read packed texts ({type(error).__name__})"
    apart = float(((found - expected).norm(dim=1) / expected.norm(dim=1)).max())
    if apart > (0.03 if uses_varlen(backbone) else 1e-3):
        return f"{backbone.name} does not read packed texts as it reads padded ones"
    return ""


def _fill_rows(
    lengths: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
