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
from crosszero.model.ragged import Ragged
from crosszero.model.tokens import TokenizedTexts, check_texts
from crosszero.model.windows import cut_windows

MODEL, TOKENIZER, LENGTH = "model.onnx", "tokenizer.json", "max_length"
_PADDED = 2048  # tokens of a pass


class OnnxEncoder:
    """Gives the vectors of an exported encoder; words are linked by it as by the encoder itself.

    Args:
        folder: that :func:`~crosszero.interop.export_onnx` wrote.
        providers: what onnxruntime computes with, such as ``CUDAExecutionProvider``.

    Attributes:
        folder: that it was read from.
        dimension: width of sentence vectors.
        max_length: longest text in tokens.

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
        self.folder = path = Path(folder)
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
        ids = self._tokenize(texts, self._sentence_length).ids
        for rows, found in self._run(ids, "sentence_embedding"):
            vectors[rows] = found
        return vectors

    def encode_words(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[Vectors]:
        """Give a vector to each word, as :meth:`crosszero.Encoder.encode_words`."""
        tokens = self._tokenize(texts, self.max_length)
        states = self._read(tokens.ids, "word_states")
        places = tokens.locate_each(spans)
        return [word_vectors(Parts(r, *sides)) for r, sides in zip(states, places, strict=True)]

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
        found = [np.zeros((size, self._width), np.float32) for size in tokens.inner]
        states = self._read(Ragged.of([window.ids for window in windows]), "alignment_states")
        for (number, first, (begin, end), _), rows in zip(windows, states, strict=True):
            place = tokens.first[number] - first
            found[number][begin:end] = rows[place + begin : place + end]
        places = tokens.locate_each(spans)
        return [
            Parts(rows, *(np.maximum(side - first, 0) for side in sides))
            for rows, first, sides in zip(found, tokens.first, places, strict=True)
        ]

    def _tokenize(self, texts: Sequence[str], max_length: int | None) -> TokenizedTexts:
        self._tokenizer.no_truncation()
        if max_length is not None:
            self._tokenizer.enable_truncation(max_length)
        return TokenizedTexts.of(self._tokenizer.encode_batch(check_texts(texts)))

    def _read(self, ids: Ragged, output: str) -> list[Vectors]:
        """Hidden states of the tokens of each text."""
        found = [np.zeros((0, self._width), np.float32)] * len(ids)
        for rows, states in self._run(ids, output):
            for row, hidden in zip(rows, states, strict=True):
                found[row] = hidden[: ids.lengths[row]]
        return found

    def _run(self, ids: Ragged, output: str) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
        """Run the model on texts of similar length at a time: which they are, and what it gives."""
        for part in cut_mini_batches(ids.lengths.tolist(), _PADDED):
            rows, mask = pad(ids.take(part), self._padding)
            given = {"input_ids": rows.numpy(), "attention_mask": mask.numpy()}
            [found] = self._session.run([output], given, self._options)
            yield part, found
