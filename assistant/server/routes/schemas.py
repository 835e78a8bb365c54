"""The bodies of requests and responses, as the server's description of itself names them.

Knows which fields each has, and what they may be. Must not know what is done with them. What is
sent is made by `to_dict` of what it is; these say how that looks, and a test holds them together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from assistant.assistant import LONGEST_QUESTION, WORDED
from assistant.http_accept import EVENTS
from assistant.models.answers import Citation, Reason, Related
from assistant.models.documents import Resource
from assistant.server.security.request import PROBLEM

LONGEST_TALK = 100
LONGEST_TURN = 20_000
LONGEST_COMMENT = 2_000
MOST_HITS = 50

_ANSWER_ID = "^[a-z2-7]{16}$"
_WORDS: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_QUESTION,
    "pattern": WORDED,
}
_QUESTION = Field(
    description=f"The question, in words: at most {LONGEST_QUESTION:,} characters.",
    examples=["What is a dog?"],
    # Said here and held by the Assistant, so that every door says the same of what is wrong.
    json_schema_extra=_WORDS,
)
AnswerId = Annotated[str, StringConstraints(pattern=_ANSWER_ID)]


def _whole(number: object) -> object:
    """A whole number also where JSON writes it with a fraction of nothing: 3.0 is 3 to it."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


WHOLE = BeforeValidator(_whole)
"""Stands after the limits of an integer, which are else not described."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_ABOUT = {"default", "description", "examples", "title"}  # what describes a field of any type


def _nullable(schema: dict[str, Any]) -> None:
    """Describe that null is taken where there is a default."""
    for field in schema["properties"].values():
        if "default" in field and "type" in field:
            kind = {name: field.pop(name) for name in [*field] if name not in _ABOUT}
            field["anyOf"] = [kind, {"type": "null"}]


class Sent(BaseModel):
    """What is sent: null, where there is a default, means what leaving it out does."""

    model_config = ConfigDict(json_schema_extra=_nullable)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        fields = cls.model_fields
        needed = {name for name in sent if name not in fields or fields[name].is_required()}
        return {name: sent[name] for name in sent if name in needed or sent[name] is not None}


class Said(Sent, _Body):
    """One turn of the talk so far."""

    role: Literal["user", "agent"]
    text: Annotated[str, Field(max_length=LONGEST_TURN)]
    sources: Annotated[list[str], Field(max_length=100)] = Field(
        [], description="The passages that an agent's turn quoted: its citations' `passage`."
    )


class Asking(Sent, _Body):
    """A question."""

    question: str = _QUESTION
    history: Annotated[list[Said], Field(max_length=LONGEST_TALK)] = Field(
        [], description="The talk so far, oldest turn first."
    )
    context: Annotated[str, Field(max_length=1000)] = Field(
        "",
        description="The page or section the reader is on: PATH or PATH#ANCHOR.",
        examples=["index.md#dogs"],
    )


class Searching(Asking):
    """A question to which passages are wanted."""

    k: Annotated[int, Field(ge=1, le=MOST_HITS), WHOLE] = Field(10, description="How many at most.")


class Opinion(Sent, _Body):
    """What a reader thinks of an answer."""

    answer: AnswerId = Field(description="The answer's `id`.", examples=["abcdefghijklmnop"])
    helpful: bool
    comment: Annotated[str, Field(max_length=LONGEST_COMMENT)] = ""
    vote: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = Field(
        "",
        description="A name you make up for this vote, hard to guess: another of that name "
        "replaces it. Without one, each counts.",
    )


class AnswerBody(_Body):
    """An answer: quotes of the guide with their sources, or that it does not say."""

    id: str = Field(description="What it is kept as; empty where nothing is kept.")
    question: str
    understood_as: str
    other_readings: list[str]
    found: bool
    text: str = Field(description="The quotes, each with its marker [n].")
    confidence: float = Field(ge=0, le=1)
    citations: list[Citation]
    resources: list[Resource]
    related: list[Related]
    missing: list[str] = Field(description="What the guide does not speak of, of what is compared.")
    next_questions: list[str]
    writer: str
    degraded: list[str]
    generation: str = Field(description="The state of the guide that was asked.")
    seconds: float


class KeptBody(_Body):
    """An answer as it was given at a time."""

    id: AnswerId
    at: str = Field(description="When it was last given, UTC.", examples=["2026-01-31T12:00:00Z"])
    answer: AnswerBody
    changed: list[int] = Field(description="The citations whose section is not as it was since.")


class HitBody(_Body):
    """A passage that was found."""

    rank: int
    passage: str
    path: str
    headings: list[str]
    anchor: str
    url: str
    probability: float
    text: str
    why: Reason


class SearchBody(_Body):
    """The passages found, best first."""

    question: str
    understood_as: str
    generation: str
    hits: list[HitBody]


class SectionBody(_Body):
    """A section of a page and all of its text."""

    headings: list[str]
    anchor: str
    url: str
    lines: tuple[int, int]
    text: str


class PageBody(_Body):
    """A page of the guide, by its sections."""

    path: str
    title: str
    url: str
    sha256: str
    language: str
    generation: str
    sections: list[SectionBody]


class HeadingBody(_Body):
    """A heading and those below it."""

    title: str
    path: str
    anchor: str
    below: list[HeadingBody]


class GuideBody(_Body):
    """What there is to ask."""

    title: str
    languages: list[str] = Field(description="Those its pages say they are in.")
    interface: list[str] = Field(description="The languages our own words come in.")
    generation: str
    pages: int
    passages: int
    examples: list[str] = Field(description="Questions the guide answers.")
    headings: list[HeadingBody]


class EventBody(BaseModel):
    """An event of a stream: its name, and its data as JSON."""

    event: str = "message"
    data: str


STREAM = {EVENTS: {"schema": EventBody.model_json_schema()}}
"""What a response that is a stream holds."""


class ProblemBody(BaseModel):
    """An error, after RFC 9457, with what mends it."""

    type: str
    title: str
    status: int
    detail: str
    mend: str
    id: str = Field(description="What the log knows the request by.")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, by their statuses, as the server's description of itself has them."""
    return {
        status: {
            "model": ProblemBody,
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status in statuses
    }


# -- as OpenAI's clients send and read it: what they send beside this is passed over ---------------


class PartBody(BaseModel):
    """A part of what was said; only text can be asked."""

    type: str = Field(json_schema_extra={"const": "text"})
    text: str | None = None


class MessageBody(BaseModel):
    """One turn of the talk; what is neither the user's nor the assistant's is left out."""

    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: str | list[PartBody] | None = None


class StreamOptions(Sent):
    """What a stream says beside the answer."""

    include_usage: Annotated[bool, Field(strict=True)] = False


class Completing(Sent):
    """A talk to be gone on with: the user's last message is the question."""

    model: Annotated[str, Field(max_length=200)] = Field(
        "guide", description="Any name; the answer comes back under it."
    )
    messages: Annotated[list[MessageBody], Field(min_length=1)] = Field(
        examples=[[{"role": "user", "content": "What is a dog?"}]],
        json_schema_extra={
            "contains": {
                "properties": {"role": {"const": "user"}, "content": _WORDS},
                "required": ["role", "content"],
            }
        },
    )
    stream: Annotated[bool, Field(strict=True)] | None = None
    stream_options: StreamOptions | None = None


class Usage(_Body):
    """How long the talk and the answer are, in words: nothing here is counted in tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ReplyBody(_Body):
    """What is answered, as Markdown with footnotes."""

    role: Literal["assistant"]
    content: str
    refusal: None


class ChoiceBody(_Body):
    """The answer; there is one."""

    index: int
    message: ReplyBody
    logprobs: None
    finish_reason: Literal["stop"]


class CompletionBody(_Body):
    """An answer as OpenAI's clients read it, and what it rests on."""

    id: str
    object: Literal["chat.completion"]
    created: int = Field(description="Seconds since 1970.")
    model: str
    system_fingerprint: str = Field(description="The state of the guide that was asked.")
    choices: list[ChoiceBody]
    usage: Usage
    citations: list[Citation]
    resources: list[Resource]
    found: bool
    answer_id: str = Field(description="What the answer is kept as; empty where nothing is kept.")


class ModelBody(_Body):
    """What is asked: the guide, under the one name it has here."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelsBody(_Body):
    """All there is to ask."""

    object: Literal["list"]
    data: list[ModelBody]
