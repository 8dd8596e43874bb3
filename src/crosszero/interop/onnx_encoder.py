"""An encoder that was exported to ONNX, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from crosszero.align.spans import Span
from crosszero.align.subtokens import Parts, word_vectors
from crosszero.errors import CheckpointError, MissingExtraError, one_line
from crosszero.model.inference import Vectors
from crosszero.model.padding import cut_mini_batches, pad
from crosszero.model.tokens import Tokens, check_texts, locate_spans, make_tokens
from crosszero.model.windows import cut_windows

MODEL, TOKENIZER, LENGTH = "model.onnx", "tokenizer.json", "max_length"
_PADDED = 2048  # tokens of a pass


class OnnxEncoder:
    """Gives the vectors of an exported encoder; words are linked by it as by the encoder itself.

    Args:
        folder: that :func:`~crosszero.interop.export_onnx` wrote.
        providers: what onnxruntime computes with, such as ``CUDAExecutionProvider``.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        CheckpointError: the folder holds no such encoder.

    Example:
        >>> link_texts(OnnxEncoder("run-onnx"), ["The sea."], ["La mer."])   # doctest: +SKIP
    """

    def __init__(
        self, folder: str | Path, *, providers: Sequence[str] = ("CPUExecutionProvider",)
    ) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("onnxruntime", "onnx", "an encoder in ONNX") from error
        path = Path(folder)
        try:
            self._tokenizer = Tokenizer.from_file(str(path / TOKENIZER))
            self._session = onnxruntime.InferenceSession(path / MODEL, providers=list(providers))
            self.max_length = int(self._session.get_modelmeta().custom_metadata_map[LENGTH])
            padding, truncation = self._tokenizer.padding, self._tokenizer.truncation
            if padding is None or truncation is None:
                raise ValueError(f"{TOKENIZER} does not pad and cut texts")
            self._padding, self._sentence_length = padding["pad_id"], truncation["max_length"]
            sizes = {found.name: found.shape[-1] for found in self._session.get_outputs()}
            self.dimension, self._width = sizes["sentence_embedding"], sizes["word_states"]
        except Exception as error:  # both libraries raise what they like
            raise CheckpointError(
                f"{folder}: holds no encoder that 'crosszero export' wrote: {one_line(error)}"
            ) from error
        # Not all that the model computes is wanted each time.
        self._options = onnxruntime.RunOptions()
        self._options.only_execute_path_to_fetches = True
        self._tokenizer.no_padding()

    def encode(self, texts: str | Sequence[str]) -> Vectors:
        """Give unit vectors, as :meth:`crosszero.Encoder.encode`: (n, dimension) float32."""
        if isinstance(texts, str):
            return cast(Vectors, self.encode([texts])[0])
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        tokens = self._tokenize(texts, self._sentence_length)
        for rows, found in self._run([some.ids for some in tokens], "sentence_embedding"):
            vectors[rows] = found
        return vectors

    def encode_words(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[Vectors]:
        """Give a vector to each word, as :meth:`crosszero.Encoder.encode_words`."""
        tokens = self._tokenize(texts, self.max_length)
        states = self._read(tokens, "word_states")
        return [word_vectors(_part(t, s, w)) for t, s, w in zip(tokens, states, spans, strict=True)]

    def encode_subtokens(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> list[Parts]:
        """Give the vectors that words are linked by, as :meth:`crosszero.Encoder.encode_subtokens`.

        Texts may be of any length.
        """
        tokens = self._tokenize(texts, None)
        windows = [
            window
            for number, (text, some) in enumerate(zip(texts, tokens, strict=True))
            for window in cut_windows(number, text, some, self.max_length)
        ]
        found = [np.zeros((len(some.starts), self._width), np.float32) for some in tokens]
        states = self._read([window.tokens for window in windows], "alignment_states")
        for (number, first, (begin, end), _), rows in zip(windows, states, strict=True):
            found[number][begin:end] = rows[begin - first : end - first]
        return [_part(t, s, w) for t, s, w in zip(tokens, found, spans, strict=True)]

    def _tokenize(self, texts: Sequence[str], max_length: int | None) -> list[Tokens]:
        self._tokenizer.no_truncation()
        if max_length is not None:
            self._tokenizer.enable_truncation(max_length)
        return [
            make_tokens(one.ids, one.offsets, one.special_tokens_mask, cut=bool(one.overflowing))
            for one in self._tokenizer.encode_batch(check_texts(texts))
        ]

    def _read(self, tokens: Sequence[Tokens], output: str) -> list[Vectors]:
        """Hidden states of each text from its first token on that is not special."""
        found = [np.zeros((0, self._width), np.float32)] * len(tokens)
        for rows, states in self._run([some.ids for some in tokens], output):
            for row, hidden in zip(rows, states, strict=True):
                found[row] = hidden[tokens[row].first : len(tokens[row])]
        return found

    def _run(
        self, rows: Sequence[list[int]], output: str
    ) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
        """Run the model on texts of similar length at a time: which they are, and what it gives."""
        for part in cut_mini_batches([len(ids) for ids in rows], _PADDED):
            ids, mask = pad([rows[n] for n in part], self._padding)
            given = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
            [found] = self._session.run([output], given, self._options)
            yield part, found


def _part(tokens: Tokens, vectors: Vectors, words: Sequence[Span]) -> Parts:
    starts, ends = (np.maximum(side - tokens.first, 0) for side in locate_spans(tokens, words))
    return Parts(vectors, starts, ends)
