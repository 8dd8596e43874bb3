"""What the server is asked and answers, as its OpenAPI description tells it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from crosszero.bitext.languages import is_code
from crosszero.errors import quote

MAX_CHARS = 5_000
MAX_TEXTS = 100
MAX_FOUND = 100


def _wrap(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _check_code(code: str) -> str:
    if code and not is_code(code):
        raise ValueError(f"{quote(code)} is not a language code; use codes like en, pt-BR or fil")
    return code


Text = Annotated[str, Field(max_length=MAX_CHARS)]
Texts = Annotated[
    list[Text],
    Field(min_length=1, max_length=MAX_TEXTS, description="A text, or a list of texts."),
    BeforeValidator(_wrap, json_schema_input_type=Text | list[Text]),
]
Code = Annotated[str, Field(max_length=20), AfterValidator(_check_code)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PairRequest(_Request):
    """Texts and their translations, as many."""

    source: Texts
    target: Texts


class AlignRequest(PairRequest):
    """Texts whose words are linked to those of their translations."""

    languages: tuple[Code, Code] = Field(
        ("", ""), description="Codes of source and target, such as en and fr, where known."
    )


class Mark(BaseModel):
    """A label over characters (code points)."""

    start: int = Field(ge=0, strict=True, description="Its first character, from 0.")
    end: int = Field(ge=1, strict=True, description="The character behind its last one.")
    name: Text = Field(description="Such as LOC.")


class ProjectRequest(_Request):
    """A text with labels, and its translation."""

    source: Text
    target: Text
    labels: list[Mark] = Field(max_length=MAX_TEXTS, description="Of the source: start, end, name.")
    languages: tuple[Code, Code] = Field(("", ""), description="As for /api/align.")


class NearestRequest(_Request):
    """Texts to which the nearest sentences of the server's file are looked for."""

    text: Texts
    count: int = Field(5, ge=1, le=MAX_FOUND, strict=True, description="Sentences for each text.")


class LinkedRow(BaseModel):
    """A row as ``crosszero align --format jsonl`` writes it."""

    source: str
    target: str
    source_words: list[tuple[str, int, int]] = Field(
        description="Each word, its first character and the one behind its last (code points)."
    )
    target_words: list[tuple[str, int, int]]
    links: list[tuple[int, int, float]] = Field(
        description="Source word and target word, from 0, and how sure the link is, from 0 to 1."
    )


class AlignAnswer(BaseModel):
    """The links of each pair."""

    pairs: list[LinkedRow]


class PlacedMark(Mark):
    """A label of the target."""

    number: int = Field(description="Which of the given labels it is, from 0.")


class LostMark(BaseModel):
    """A label that has no place in the target."""

    number: int
    reason: str


class ProjectAnswer(BaseModel):
    """The labels of the target, and those that have no place there."""

    labels: list[PlacedMark]
    dropped: list[LostMark]


class SimilarityAnswer(BaseModel):
    """The cosine of each pair."""

    similarity: list[float]


class Sentence(BaseModel):
    """A sentence of the server's file."""

    line: int = Field(description="Of the file, from 1.")
    text: str
    similarity: float


class NearestAnswer(BaseModel):
    """For each text the nearest sentences, best first."""

    nearest: list[list[Sentence]]


class Refusal(BaseModel):
    """Why a request was not answered."""

    error: str
