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

from assistant.assistant import MAX_QUESTION_LENGTH, WORD_CHARACTER
from assistant.http_accept import EVENT_STREAM
from assistant.models.answers import Citation, Reason, Related
from assistant.models.documents import Resource
from assistant.server.security.problems import PROBLEM_JSON

MAX_HISTORY_TURNS = 100
MAX_TURN_CHARS = 20_000
MAX_COMMENT_CHARS = 2_000
MAX_HITS = 50

_ANSWER_ID_PATTERN = "^[a-z2-7]{16}$"
_QUESTION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_QUESTION_LENGTH,
    "pattern": WORD_CHARACTER,
}
_QUESTION = Field(
    description=f"The question, in words: at most {MAX_QUESTION_LENGTH:,} characters.",
    examples=["What is a dog?"],
    # Said here and held by the Assistant, so that every door says the same of what is wrong.
    json_schema_extra=_QUESTION_SCHEMA,
)
AnswerId = Annotated[str, StringConstraints(pattern=_ANSWER_ID_PATTERN)]


def _parse_whole_number(number: object) -> object:
    """A whole number also where JSON writes it with a fraction of nothing: 3.0 is 3 to it."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


WHOLE_NUMBER = BeforeValidator(_parse_whole_number)
"""Stands after the limits of an integer, which are else not described."""


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_ANNOTATIONS = {"default", "description", "examples", "title"}  # what describes a field of any type


def _allow_null(schema: dict[str, Any]) -> None:
    """Describe that null is taken where there is a default."""
    for field in schema["properties"].values():
        if "default" in field and "type" in field:
            kind = {name: field.pop(name) for name in [*field] if name not in _ANNOTATIONS}
            field["anyOf"] = [kind, {"type": "null"}]


class RequestModel(BaseModel):
    """What is sent: null, where there is a default, means what leaving it out does."""

    model_config = ConfigDict(json_schema_extra=_allow_null)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        fields = cls.model_fields
        needed = {name for name in data if name not in fields or fields[name].is_required()}
        return {name: data[name] for name in data if name in needed or data[name] is not None}


class HistoryTurn(RequestModel, _StrictModel):
    """One turn of the talk so far."""

    role: Literal["user", "agent"]
    text: Annotated[str, Field(max_length=MAX_TURN_CHARS)]
    sources: Annotated[list[str], Field(max_length=100)] = Field(
        [], description="The passages that an agent's turn quoted: its citations' `passage`."
    )


class AskRequest(RequestModel, _StrictModel):
    """A question."""

    question: str = _QUESTION
    history: Annotated[list[HistoryTurn], Field(max_length=MAX_HISTORY_TURNS)] = Field(
        [], description="The talk so far, oldest turn first."
    )
    context: Annotated[str, Field(max_length=1000)] = Field(
        "",
        description="The page or section the reader is on: PATH or PATH#ANCHOR.",
        examples=["index.md#dogs"],
    )


class SearchRequest(AskRequest):
    """A question to which passages are wanted."""

    k: Annotated[int, Field(ge=1, le=MAX_HITS), WHOLE_NUMBER] = Field(
        10, description="How many at most."
    )


class FeedbackRequest(RequestModel, _StrictModel):
    """What a reader thinks of an answer."""

    answer: AnswerId = Field(description="The answer's `id`.", examples=["abcdefghijklmnop"])
    helpful: bool
    comment: Annotated[str, Field(max_length=MAX_COMMENT_CHARS)] = ""
    vote: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = Field(
        "",
        description="A name you make up for this vote, hard to guess: another of that name "
        "replaces it. Without one, each counts.",
    )


class AnswerResponse(_StrictModel):
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


class StoredAnswerResponse(_StrictModel):
    """An answer as it was given at a time."""

    id: AnswerId
    at: str = Field(description="When it was last given, UTC.", examples=["2026-01-31T12:00:00Z"])
    answer: AnswerResponse
    changed: list[int] = Field(description="The citations whose section is not as it was since.")


class HitResponse(_StrictModel):
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


class SearchResponse(_StrictModel):
    """The passages found, best first."""

    question: str
    understood_as: str
    generation: str
    hits: list[HitResponse]


class SectionResponse(_StrictModel):
    """A section of a page and all of its text."""

    headings: list[str]
    anchor: str
    url: str
    lines: tuple[int, int]
    text: str


class PageResponse(_StrictModel):
    """A page of the guide, by its sections."""

    path: str
    title: str
    url: str
    sha256: str
    language: str
    generation: str
    sections: list[SectionResponse]


class HeadingResponse(_StrictModel):
    """A heading and those below it."""

    title: str
    path: str
    anchor: str
    below: list[HeadingResponse]


class GuideResponse(_StrictModel):
    """What there is to ask."""

    title: str
    languages: list[str] = Field(description="Those its pages say they are in.")
    interface: list[str] = Field(description="The languages our own words come in.")
    generation: str
    pages: int
    passages: int
    examples: list[str] = Field(description="Questions the guide answers.")
    headings: list[HeadingResponse]


class ServerSentEvent(BaseModel):
    """An event of a stream: its name, and its data as JSON."""

    event: str = "message"
    data: str


STREAM_CONTENT = {EVENT_STREAM: {"schema": ServerSentEvent.model_json_schema()}}
"""What a response that is a stream holds."""


class ProblemDetails(BaseModel):
    """An error, after RFC 9457, with what mends it."""

    type: str
    title: str
    status: int
    detail: str
    mend: str
    id: str = Field(description="What the log knows the request by.")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, by their statuses, as the server's description of itself has them."""
    return {
        status: {
            "model": ProblemDetails,
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status in statuses
    }


# -- as OpenAI's clients send and read it: what they send beside this is passed over ---------------


class ContentPart(BaseModel):
    """A part of what was said; only text can be asked."""

    type: str = Field(json_schema_extra={"const": "text"})
    text: str | None = None


class ChatMessage(BaseModel):
    """One turn of the talk; what is neither the user's nor the assistant's is left out."""

    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: str | list[ContentPart] | None = None


class StreamOptions(RequestModel):
    """What a stream says beside the answer."""

    include_usage: Annotated[bool, Field(strict=True)] = False


class ChatCompletionRequest(RequestModel):
    """A talk to be gone on with: the user's last message is the question."""

    model: Annotated[str, Field(max_length=200)] = Field(
        "guide", description="Any name; the answer comes back under it."
    )
    messages: Annotated[list[ChatMessage], Field(min_length=1)] = Field(
        examples=[[{"role": "user", "content": "What is a dog?"}]],
        json_schema_extra={
            "contains": {
                "properties": {"role": {"const": "user"}, "content": _QUESTION_SCHEMA},
                "required": ["role", "content"],
            }
        },
    )
    stream: Annotated[bool, Field(strict=True)] | None = None
    stream_options: StreamOptions | None = None


class Usage(_StrictModel):
    """How long the talk and the answer are, in words: nothing here is counted in tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletionMessage(_StrictModel):
    """What is answered, as Markdown with footnotes."""

    role: Literal["assistant"]
    content: str
    refusal: None


class ChatCompletionChoice(_StrictModel):
    """The answer; there is one."""

    index: int
    message: ChatCompletionMessage
    logprobs: None
    finish_reason: Literal["stop"]


class ChatCompletionResponse(_StrictModel):
    """An answer as OpenAI's clients read it, and what it rests on."""

    id: str
    object: Literal["chat.completion"]
    created: int = Field(description="Seconds since 1970.")
    model: str
    system_fingerprint: str = Field(description="The state of the guide that was asked.")
    choices: list[ChatCompletionChoice]
    usage: Usage
    citations: list[Citation]
    resources: list[Resource]
    found: bool
    answer_id: str = Field(description="What the answer is kept as; empty where nothing is kept.")


class ModelResponse(_StrictModel):
    """What is asked: the guide, under the one name it has here."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelListResponse(_StrictModel):
    """All there is to ask."""

    object: Literal["list"]
    data: list[ModelResponse]
