"""Any Hugging Face encoder behind one small interface: tokens in, hidden states out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from crosszero.errors import CheckpointError, ConfigError
from crosszero.model.checks import (
    check_tokenizer,
    check_weights,
    fail,
    is_padding_harmless,
    warn_of_task,
)
from crosszero.model.layers import find_layers, reading
from crosszero.model.loading import (
    SAFELY,
    explain_failure,
    keep_pooler,
    locate_encoder,
    quiet_transformers,
)
from crosszero.model.mlm import MlmHead
from crosszero.model.slow_tokenizer import tokenize_slowly
from crosszero.model.tokens import TokenizedTexts

_UNLIMITED = 1_000_000  # transformers' "no limit" is 1e30


@dataclass(frozen=True, slots=True)
class Hidden:
    """Hidden states, (rows, tokens, H) each: the embeddings, then the output of each layer."""

    states: Sequence[Tensor]

    def read(self, layer: int | None = None) -> Tensor:
        """Give a layer, from 1 or from -1 backwards; ``None`` for the sum of first and last."""
        return self.states[1] + self.states[-1] if layer is None else self.states[layer]


class Backbone(nn.Module):
    """A multilingual encoder with its tokeniser and, if it has one, its pretrained MLM head.

    Args:
        model: the model, with or without a head.
        tokenizer: its tokeniser; the fast ones give character offsets, for others they are found.
        name: what messages call it.
        mlm: whether `model` has a pretrained MLM head.

    Attributes:
        pads: whether texts of several lengths may stand in a mini-batch; see
            :func:`crosszero.model.checks.is_padding_harmless`.
        packs: whether training puts several texts into a row, ``varlen`` with torch's own
            attention for that; see :func:`crosszero.model.packing.find_packing_obstacle`.

    Raises:
        CheckpointError: tokeniser and model do not fit together.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, name: str, mlm: bool
    ) -> None:
        super().__init__()
        check_tokenizer(model, tokenizer, name)
        # Words that a cut at the left would remove could not be told from words at the start.
        tokenizer.truncation_side = "right"
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.train(model.training)  # a module is new in training mode, a loaded model is not
        self.pads = True
        self.packs: bool | Literal["varlen"] = False
        try:
            self.mlm_head = MlmHead(model) if mlm else None
        except ValueError as error:
            raise CheckpointError(f"{name}: {error}; set mlm_weight: 0") from error

    @classmethod
    def load(cls, name: str | Path, *, mlm: bool = False) -> Backbone:
        """Load an encoder in float32.

        Args:
            name: ``crosszero-mini``, a folder, or a hub id such as
                ``google-bert/bert-base-multilingual-cased``.
            mlm: also load the pretrained MLM head. Without one in the checkpoint
                :attr:`mlm_head` is ``None``.

        Raises:
            CheckpointError: nothing loadable is there, weights are missing or damaged, or the model
                can't be run on texts. Code from a checkpoint is never run; only safetensors are
                read.

        Example:
            >>> Backbone.load("crosszero-mini").hidden_size          # doctest: +SKIP
            320
        """
        path = locate_encoder(name)
        # For bf16 on Hopper torch would prefer cuDNN's attention, which plans anew for each shape
        # of a mini-batch; FlashAttention is as fast and plans nothing.
        torch.backends.cuda.enable_cudnn_sdp(False)
        with quiet_transformers(), explain_failure(str(name)):
            config = AutoConfig.from_pretrained(path, trust_remote_code=False)
            if config.is_encoder_decoder:
                raise CheckpointError(f"{name}: this is an encoder-decoder; an encoder is needed")
            mlm = mlm and type(config) in MODEL_FOR_MASKED_LM_MAPPING
            kind = AutoModelForMaskedLM if mlm else AutoModel
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
            model, info = kind.from_pretrained(path, **SAFELY)
            if mlm:
                keep_pooler(model, path)
            missing = set(info["missing_keys"])
            unused = set(info["unexpected_keys"])
            check_weights(missing, unused, model, name=str(name), mlm=mlm)
            backbone = cls(model, tokenizer, name=str(name), mlm=mlm and not missing)
        warn_of_task(str(name), " ".join(config.architectures or ()))
        pad_id = int(tokenizer.pad_token_id)

        def read(ids: Tensor, mask: Tensor) -> Sequence[Tensor]:
            return cast(Sequence[Tensor], backbone(ids, mask).states)

        backbone.pads = is_padding_harmless(read, backbone.ordinary_ids, pad_id, name=str(name))
        return backbone

    @property
    def base(self) -> PreTrainedModel:
        """The model without its MLM head."""
        return cast(PreTrainedModel, self.model.base_model)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    @property
    def table(self) -> nn.Embedding:
        """The table of token embeddings."""
        return cast(nn.Embedding, self.base.get_input_embeddings())

    @property
    def hidden_size(self) -> int:
        """H, the width of the hidden states."""
        return int(self.model.config.hidden_size)

    @property
    def layers(self) -> int:
        """L, the number of transformer layers."""
        return int(self.model.config.num_hidden_layers)

    @property
    def max_length(self) -> int:
        """Most tokens of one text that the model can take, special tokens included."""
        limits = [int(min(self.tokenizer.model_max_length, _UNLIMITED))]
        positions = getattr(self.model.config, "max_position_embeddings", None)
        if positions:
            limits.append(positions - self.first_position)
        return min(limits)

    @property
    def first_position(self) -> int:
        """Number of a text's first position; the RoBERTa family counts from padding_idx + 1."""
        table = getattr(getattr(self.base, "embeddings", None), "position_embeddings", None)
        padding = getattr(table, "padding_idx", None)
        return 0 if padding is None else int(padding) + 1

    @cached_property
    def ordinary_ids(self) -> NDArray[np.int64]:
        """Numbers of all tokens that are not special."""
        special = set(self.tokenizer.all_special_ids)
        return np.asarray([i for i in range(len(self.tokenizer)) if i not in special], np.int64)

    def check_length(self, max_length: int) -> None:
        """Refuse a maximum length that the model can't take.

        Raises:
            ConfigError: it is longer than the model's positions or too short for one token.
        """
        least = self.tokenizer.num_special_tokens_to_add(pair=False) + 1
        if not least <= max_length <= self.max_length:
            raise ConfigError(
                f"max_length: {max_length} given; {self.name} takes {least} to {self.max_length} "
                "tokens"
            )

    def check_layer(self, layer: int, setting: str = "layer") -> None:
        """Refuse (ConfigError) a layer that the model does not have; they count from 1."""
        if not 1 <= layer <= self.layers:
            raise ConfigError(
                f"{setting}: {layer} given; {self.name} has layers 1 to {self.layers}"
            )

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Switch dropout off while the context lasts."""
        training = self.training
        if not training and not self.model.training:
            yield  # to switch takes a walk through all modules, there and back
            return
        self.eval()
        try:
            yield
        finally:
            self.train(training)

    def tokenize(self, texts: Sequence[str], max_length: int | None) -> TokenizedTexts:
        """Tokenise texts, each by itself, cut to `max_length` tokens with special tokens."""
        if max_length is not None:
            self.check_length(max_length)
        if not self.tokenizer.is_fast:
            slow = [tokenize_slowly(self.tokenizer, text, max_length) for text in texts]
            return TokenizedTexts.of(slow)
        # Called for a text, transformers sets its backend up; called for all of them, it would also
        # make lists that nobody reads.
        self.tokenizer("", truncation=max_length is not None, max_length=max_length)
        return TokenizedTexts.of(self.tokenizer.backend_tokenizer.encode_batch(list(texts)))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Hidden:
        """Run the encoder on token numbers and their mask (0 for padding), (batch, tokens) each."""
        output = self.base(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        )
        return Hidden(output.hidden_states)

    @contextmanager
    def reading(
        self, layers: Sequence[int | None]
    ) -> Iterator[Callable[[Tensor, Tensor], list[Tensor]]]:
        """Read hidden states of some layers; what lies above the highest of them is not computed.

        Yields:
            A function from `input_ids` and `attention_mask`, as in :meth:`forward`, to a tensor
            (batch, tokens, H) for each of `layers`: 1 to L, from -1 on backwards, or ``None`` for
            first + last layer. Several threads may call it at once.
        """
        last = self.layers
        layers = [last + 1 + n if n is not None and n < 0 else n for n in layers]
        wanted = {n for layer in layers for n in ((1, last) if layer is None else (layer,))}

        with ExitStack() as stack:
            read: Callable[[Tensor, Tensor], Mapping[int, Tensor]]
            if self.blocks is None:
                read = self._read_all
            else:
                read = stack.enter_context(reading(self.base, self.blocks, wanted))

            def run(input_ids: Tensor, attention_mask: Tensor) -> list[Tensor]:
                try:
                    found = read(input_ids, attention_mask)
                    return [_add(found[1], found[last]) if n is None else found[n] for n in layers]
                except torch.OutOfMemoryError:
                    raise
                except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
                    raise fail(self.name, error) from error

            yield run

    def _read_all(self, input_ids: Tensor, attention_mask: Tensor) -> Mapping[int, Tensor]:
        return dict(enumerate(self(input_ids, attention_mask).states))

    @cached_property
    def blocks(self) -> Sequence[nn.Module] | None:
        """The transformer layers from the lowest on; ``None`` where they can't be told."""
        return find_layers(self.base, self.layers)


def _add(first: Tensor, last: Tensor) -> Tensor:
    """Sum of two layers, in fp32 or wider."""
    return first.to(torch.promote_types(first.dtype, torch.float32)) + last
