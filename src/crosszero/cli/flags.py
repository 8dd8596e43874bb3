"""Flags shared by several commands, and how values are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

from crosszero.config import require
from crosszero.errors import ConfigError
from crosszero.model.options import Pooling, Precision

ALIGNED = "crosszero-mini-aligned"  # with which the tools work where no encoder is given
Names = Annotated[list[str] | None, Parameter(consume_multiple=True)]
Settings = Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True)]
EncoderName = Annotated[
    str,
    Parameter(
        name="--encoder",
        help="crosszero-mini, crosszero-mini-aligned, a folder or a hub id, as it is or with "
        "@revision.",
    ),
]
Layer = Annotated[
    int | None,
    Parameter(
        help="Hidden layer to read, from 1: sentences are the mean over its tokens. By default "
        "they are read as the encoder's folder says."
    ),
]
SentencePooling = Annotated[
    Pooling | None,
    Parameter(
        name="--pooling",
        help="How sentences are read: first-last (as crosszero trains), or mean, cls or max of "
        "the last layer. By default as the encoder's folder says, like sentence-transformers.",
    ),
]
ReadIn = Annotated[
    Precision,
    Parameter(
        name="--precision",
        help="Number format in which texts are read: fp32, bf16 (half the time on GPUs and some "
        "processors), or auto: bf16 where it is faster and harmless.",
    ),
]
MaxLength = Annotated[
    int | None,
    Parameter(
        help="Longest text in tokens; the rest is cut off. By default as long as the encoder "
        "allows."
    ),
]
RayAddress = Annotated[
    str | None,
    Parameter(
        help="Run on a Ray cluster: auto, HOST:PORT, or local to start one on this machine. All "
        "machines must see the folder of --out and the encoder. The result is the same."
    ),
]
Strict = Annotated[bool, Parameter(help="Refuse a line without text instead of counting it.")]
Cores = Annotated[
    int | None,
    Parameter(help="Cores (and threads) of each process on the cluster; by default 1."),
]
Text = Annotated[Path, Parameter(allow_leading_hyphen=True)]
Out = Annotated[Path, Parameter(allow_leading_hyphen=True)]


def convert(kind: Any, tokens: Sequence[Any]) -> Any:
    """Read values strictly: 1.5 is no whole number, inf no setting, and "" no name."""
    return cyclopts.convert(kind, tokens, converter=_convert_one)


def _convert_one(kind: Any, text: str) -> Any:
    if not text.strip():  # of a variable that was never set, say
        raise ValueError("no value given; one is needed")
    if kind is int and not text.removeprefix("-").removeprefix("+").isdecimal():
        raise ValueError(f"{text!r} is not a whole number")
    if kind is int and len(text) > 18:
        raise ValueError(f"{text[:20]}... is too large")
    if kind is float and not math.isfinite(float(text)):
        raise ValueError(f"{text!r} is not a finite number")
    return cyclopts.convert(kind, [text])


def check_cores(cores: int | None, ray_address: str | None) -> None:
    """See that --cores is given with a cluster only, and is at least 1."""
    if cores is None:
        return
    require("--cores", cores, cores >= 1, "1 or more")
    if ray_address is None:
        raise ConfigError(
            "--cores works only with --ray-address; to limit the threads of this process, set "
            "the variable OMP_NUM_THREADS"
        )


def choose_common_precision(precision: Precision, ray_address: str | None) -> Precision:
    """On a cluster auto is fp32: machines that decide differently would give different vectors."""
    return "fp32" if ray_address is not None and precision == "auto" else precision


def name_place(out: Path) -> str:
    """Begin a line about what was written: with the file, or with nothing for a stream."""
    return "" if str(out) == "-" else f"{out}: "
