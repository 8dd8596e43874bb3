"""The two sizes of encoder: crosszero-mini, and one of mBERT's size with random weights.

What the weights are does not matter for speed, how many there are does. Both are also written as a
folder, for the libraries that load one by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crosszero.model.backbone import Backbone
from crosszero.model.options import MINI

MBERT = "mBERT-size"
TINY = "tiny"
SIZES = (MINI, MBERT, TINY)
_MBERT_VOCABULARY = 119_547


def load_backbone(size: str, *, seed: int = 1, device: str = "cpu") -> Backbone:
    """Load or make an encoder with its MLM head, in evaluation mode.

    Args:
        size: ``crosszero-mini``; ``mBERT-size`` (BERT of 12 x 768 with a vocabulary of 119,547);
            ``tiny`` for tests (BERT of 2 x 32). These cut texts as crosszero-mini does.
        seed: of random weights.
        device: where it lies, and where its weights are drawn.
    """
    import torch
    from transformers import BertConfig, BertForMaskedLM

    mini = Backbone.load(MINI, mlm=True)
    if size == MINI:
        return mini.to(device).eval()
    tokenizer = mini.tokenizer if size == TINY else _fill_up(mini.tokenizer, _MBERT_VOCABULARY)
    shape = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    if size == TINY:
        shape |= {
            "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": 64,
        }  # fmt: skip
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(seed)
        model = BertForMaskedLM(BertConfig(**shape))
    return Backbone(model, tokenizer, name=size, mlm=True).eval()


def _fill_up(tokenizer: Any, size: int) -> Any:
    """Give a tokeniser more tokens, none of which occurs in a text."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    content = json.loads(tokenizer.backend_tokenizer.to_str())
    words = content["model"]["vocab"]
    words |= {f"[unused{number}]": number for number in range(len(words), size)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(content)),
        model_max_length=tokenizer.model_max_length,
        **tokenizer.special_tokens_map,
    )


def list_matrices(backbone: Backbone) -> list[Any]:
    """The weights of the layers that multiply tokens: no embeddings, no pooler."""
    import torch

    modules = backbone.base.modules()
    unused = {id(m.weight) for m in modules if isinstance(m, torch.nn.Embedding)}
    pooler = getattr(backbone.base, "pooler", None)
    unused |= {id(p) for p in pooler.parameters()} if pooler is not None else set()
    return [p for p in backbone.base.parameters() if p.dim() == 2 and id(p) not in unused]


@contextmanager
def as_folder(backbone: Backbone) -> Iterator[Path]:
    """Give a folder that ``AutoModel`` and ``SentenceTransformer`` load."""
    from crosszero.model.saving import save_encoder

    with TemporaryDirectory(prefix="benchmark.") as folder:
        save_encoder(backbone, folder)
        yield Path(folder)
