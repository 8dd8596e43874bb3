"""An encoder as a model of mteb, the benchmark of sentence vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from crosszero.config import read_json
from crosszero.errors import ConfigError, MissingExtraError, quote
from crosszero.model.encoder import Encoder
from crosszero.model.inference import Vectors
from crosszero.model.loading import find_file

try:
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.models.model_meta import ModelMeta, ScoringFunction
except ImportError as error:
    raise MissingExtraError("mteb", "mteb", "an encoder in mteb") from error


class MtebEncoder(AbsEncoder):  # type: ignore[misc]  # mteb need not be installed
    """What ``mteb.evaluate`` takes for a model; vectors are those of :meth:`Encoder.encode`.

    Args:
        model_name: ``crosszero-mini``, a run folder, any model folder or a hub id; or an encoder.
        revision: of a hub id.
        device: see :meth:`Encoder.load`.
        prompts: what stands before a text, by task, type of task, or ``query`` and ``document``, as
            mteb looks them up; ``None``: those of the folder.
        settings: other arguments of :meth:`Encoder.load`.

    mteb keeps results under a name and a revision. The revision is made of the weights and of how
    they are read, so that two runs in folders of one name, or one that was trained again, do not
    share results.

    Raises:
        MissingExtraError: mteb is not installed (when the module is imported).

    Example:
        >>> mteb.evaluate(MtebEncoder("run"), mteb.get_tasks(["Tatoeba"]))    # doctest: +SKIP
    """

    def __init__(
        self,
        model_name: str | Path | Encoder,
        revision: str | None = None,
        *,
        device: str | None = None,
        prompts: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        if isinstance(model_name, Encoder):
            if revision or device or settings:
                raise ConfigError("an encoder is given: its revision and settings are its own")
            self.model = model_name
        else:
            name = f"{model_name}@{revision}" if revision else model_name
            self.model = Encoder.load(name, device=device, **settings)
        name = self.model.backbone.name
        self.model_prompts = dict(_read_prompts(name) if prompts is None else prompts)
        backbone = self.model.backbone
        self.mteb_model_meta = ModelMeta.create_empty(
            {
                "name": name if name.count("/") == 1 else f"crosszero/{Path(name).resolve().name}",
                "revision": _hash(self.model, self.model_prompts),
                "n_parameters": sum(p.numel() for p in backbone.parameters()),
                "n_embedding_parameters": backbone.table.weight.numel(),
                "embed_dim": self.model.dimension,
                "max_tokens": self.model.sentence_length,
                "similarity_fn_name": ScoringFunction.COSINE,
                "framework": ["PyTorch"],
                "use_instructions": bool(self.model_prompts),
            }
        )

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: Any = None,
        **kwargs: Any,
    ) -> Vectors:
        """Give unit vectors: (texts, dimension) float32.

        Args:
            inputs: batches, whose ``text`` are texts; those of all batches are encoded together.
            task_metadata, prompt_type: decide on the prompt.
            hf_split, hf_subset: not used.
            kwargs: of these ``precision`` can be ``float32`` only; the size of batches is
                crosszero's affair.
        """
        precision = kwargs.get("precision", "float32")
        if precision != "float32":
            raise ConfigError(f"precision: {quote(precision)} given; float32 is what there is")
        texts = [text for batch in inputs for text in batch["text"]]
        return self.model.encode(texts, prompt=self._find_prompt(task_metadata, prompt_type))

    def _find_prompt(self, task_metadata: Any, prompt_type: Any) -> str | None:
        name = self.get_prompt_name(task_metadata, prompt_type)
        if name is None and prompt_type is not None and prompt_type.value == "document":
            # sentence-transformers knows two more names for it.
            name = next((n for n in ("passage", "corpus") if n in self.model_prompts), None)
        return None if name is None else self.model_prompts[name]


def _read_prompts(name: str) -> Mapping[str, str]:
    path = find_file(name, "config_sentence_transformers.json")
    prompts = (read_json(path, dict[str, Any]) if path else {}).get("prompts") or {}
    return {str(kind): str(prompt) for kind, prompt in prompts.items() if prompt}


def _hash(encoder: Encoder, prompts: Mapping[str, str]) -> str:
    """Hash what decides on the vectors of sentences."""
    tail = [part for part in encoder.readout.tail if isinstance(part, nn.Module)]
    reading = replace(encoder.readout, tail=()), encoder.sentence_length, encoder.precision
    found = hashlib.sha256(repr((reading, tail, sorted(prompts.items()))).encode())
    for part in (encoder.backbone, *tail):
        for key, value in part.state_dict().items():
            if "pooler" not in key.split("."):  # never used, and random where a folder has none
                found.update(value.cpu().contiguous().numpy())
    return found.hexdigest()[:40]
