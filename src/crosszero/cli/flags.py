"""Flags shared by several commands, and how values are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import cyclopts
from cyclopts import Parameter

from crosszero.config import require
from crosszero.errors import ConfigError
from crosszero.model.options import BUNDLED, Pooling, Precision

if TYPE_CHECKING:
    from crosszero.cluster import Cluster
    from crosszero.model.encoder import Encoder

ALIGNED = "crosszero-mini-aligned"  # with which the tools work where no encoder is given
Settings = Annotated[list[str] | None, Parameter(name="--set")]
EncoderName = Annotated[
    str,
    Parameter(
        help="crosszero-mini, crosszero-mini-aligned, a folder or a hub id, as it is or with "
        "@revision."
    ),
]
MaxLength = Annotated[
    int | None,
    Parameter(
        help="Longest text in tokens; the rest is cut off. By default as long as the encoder "
        "allows."
    ),
]
SentencePooling = Annotated[
    Pooling | None,
    Parameter(
        help="How sentences are read: first-last (as crosszero trains), or mean, cls or max of "
        "the last layer. By default as the encoder's folder says, like sentence-transformers."
    ),
]
ReadIn = Annotated[
    Precision,
    Parameter(
        help="Number format in which texts are read: fp32, bf16 (half the time on GPUs and some "
        "processors), or auto: bf16 where it is faster and harmless."
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
Raw = Annotated[bool | None, Parameter(negative="--tokenised")]
Text = Annotated[Path, Parameter(allow_leading_hyphen=True)]
Out = Annotated[Path, Parameter(allow_leading_hyphen=True)]
Resamples = Annotated[
    int, Parameter(help="Number of bootstrap samples.", validator=lambda _, n: _check_resamples(n))
]
Flat = Parameter(name="*")  # the fields of a dataclass are flags of the command


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The encoder of a command, and how it reads texts."""

    encoder: EncoderName = ALIGNED
    max_length: MaxLength = None
    precision: ReadIn = "auto"

    @property
    def folder(self) -> list[Path]:
        """The encoder's folder, if it is one: nothing may be written into it."""
        path = Path(self.encoder)
        own = self.encoder not in BUNDLED and (path / "config.json").is_file()
        return [path] if own else []

    def list_options(self, *, common: bool = False) -> dict[str, Any]:
        """List all but the encoder, as :meth:`crosszero.Encoder.load` takes them.

        If they are to be `common` to several machines, auto is fp32: machines that decide
        differently would give different vectors.
        """
        found = {name: value for name, value in vars(self).items() if name != "encoder"}
        return found | ({"precision": "fp32"} if common and self.precision == "auto" else {})

    def refuse(self, why: str, **more: object) -> None:
        """Refuse flags (ConfigError) where no encoder is read: these, and `more` that are given."""
        given = [name for name, value in vars(self).items() if value != getattr(type(self), name)]
        given += [name for name, value in more.items() if value is not None]
        if given:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ConfigError(f"{flags}: {why}")

    def load(self, **more: Any) -> Encoder:
        """Load the encoder."""
        from crosszero.model.encoder import Encoder

        return Encoder.load(self.encoder, **self.list_options(), **more)


@dataclass(frozen=True, kw_only=True)
class SentenceReading(Reading):
    """The same where whole sentences are read."""

    pooling: SentencePooling = None
    layer: Annotated[
        int | None,
        Parameter(
            help="Hidden layer to read, from 1: sentences are the mean over its tokens, and words "
            "(serve, evaluate) are linked by it. By default as the encoder's folder says."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class MeasuredReading(SentenceReading):
    """The same with defaults that give the same scores on every machine."""

    encoder: EncoderName = "crosszero-mini"
    precision: ReadIn = "fp32"


@dataclass(frozen=True, kw_only=True)
class Ray:
    """The cluster that a command runs on, if it does."""

    ray_address: RayAddress = None
    cores: Annotated[
        int | None,
        Parameter(help="Cores (and threads) of each process on the cluster; by default 1."),
    ] = None

    def __post_init__(self) -> None:
        require("--cores", self.cores, self.cores is None or self.cores >= 1, "1 or more")
        if self.cores is not None and self.ray_address is None:
            raise ConfigError(
                "--cores works only with --ray-address; to limit the threads of this process, set "
                "the variable OMP_NUM_THREADS"
            )

    def open(self) -> Cluster:
        """Make the cluster, for a ``with`` block."""
        from crosszero.cluster import Cluster

        return Cluster(str(self.ray_address), cores=self.cores or 1)


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
    if kind is float:
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if not math.isfinite(number):
            raise ValueError(f"{text!r} is not a finite number")
    return cyclopts.convert(kind, [text])


def name_kinds(hint: Any) -> str:
    """Say in words what a flag of a type takes.

    Example:
        >>> name_kinds(int | Literal["first-last", "auto"] | None)
        'a whole number, first-last or auto'
    """
    words = {int: "a whole number", float: "a number", bool: "true or false"}
    found = []
    for kind in get_args(hint) if get_origin(hint) in (Union, UnionType) else [hint]:
        if get_origin(kind) is Literal:
            found += list(map(str, get_args(kind)))
        elif kind is not NoneType:
            found.append(words.get(kind, "text"))
    return " or ".join(filter(None, [", ".join(found[:-1]), found[-1]]))


def _check_resamples(count: int) -> None:
    require("--resamples", count, 1 <= count <= 1_000_000, "between 1 and 1,000,000")


def name_place(out: Path) -> str:
    """Begin a line about what was written: with the file, or with nothing for a stream."""
    return "" if str(out) == "-" else f"{out}: "
