"""Define the schemas of the requests and responses of every HTTP interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from assistant.assistant import MAX_QUESTION_LENGTH, VISIBLE_CHARACTER
from assistant.conversation import MAX_SOURCES, MAX_TURN_CHARS
from assistant.http_accept import EVENT_STREAM
from assistant.models.answers import Answer, Citation, HitRecord, Related, WireHit
from assistant.models.documents import Resource
from assistant.server.security.problems import PROBLEM_JSON

MAX_HISTORY_TURNS = 100
MAX_COMMENT_CHARS = 2_000
MAX_HITS = 50

_ANSWER_ID_PATTERN = "^[a-z2-7]{16}$"
_QUESTION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_QUESTION_LENGTH,
    "pattern": VISIBLE_CHARACTER,
}
_QUESTION = Field(
    description=f"The question, in words: at most {MAX_QUESTION_LENGTH:,} characters.",
    examples=["What is a dog?"],
    # Described here and enforced by the Assistant, so that every interface gives the same error.
    json_schema_extra=_QUESTION_SCHEMA,
)
AnswerId = Annotated[str, StringConstraints(pattern=_ANSWER_ID_PATTERN)]


def _parse_whole_number(number: object) -> object:
    """Accept 3.0 as 3: JSON does not distinguish them."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


WHOLE_NUMBER = BeforeValidator(_parse_whole_number)
"""List it after the limits of an integer: before them, the schema would leave them out."""


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_ANNOTATIONS = {"default", "description", "examples", "title"}  # keywords of any type


def _allow_null(schema: dict[str, Any]) -> None:
    """Describe that a field with a default also accepts null."""
    for field in schema["properties"].values():
        if "default" in field and "type" in field:
            kind = {name: field.pop(name) for name in [*field] if name not in _ANNOTATIONS}
            field["anyOf"] = [kind, {"type": "null"}]


class RequestModel(BaseModel):
    """A request; null means the same as leaving out a field that has a default."""

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
    """One earlier turn of the conversation."""

    role: Literal["user", "agent"]
    text: Annotated[str, Field(max_length=MAX_TURN_CHARS)]
    sources: Annotated[list[str], Field(max_length=MAX_SOURCES)] = Field(
        [], description="The passages that an agent's turn quoted: the `passage` of each citation."
    )


class AskRequest(RequestModel, _StrictModel):
    """A question."""

    question: str = _QUESTION
    history: Annotated[list[HistoryTurn], Field(max_length=MAX_HISTORY_TURNS)] = Field(
        [], description="The conversation so far, oldest turn first."
    )
    context: Annotated[str, Field(max_length=1000)] = Field(
        "",
        description="The page or section the reader is on: PATH or PATH#ANCHOR.",
        examples=["index.md#dogs"],
    )


class SearchRequest(AskRequest):
    """A query for passages."""

    k: Annotated[int, Field(ge=1, le=MAX_HITS), WHOLE_NUMBER] = Field(
        10, description="The largest number of passages."
    )


class FeedbackRequest(RequestModel, _StrictModel):
    """A reader's vote on an answer."""

    answer: AnswerId = Field(description="The answer's `id`.", examples=["abcdefghijklmnop"])
    helpful: bool
    comment: Annotated[str, Field(max_length=MAX_COMMENT_CHARS)] = ""
    vote: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = Field(
        "",
        description="A name for this vote that is hard to guess: a later vote of that name "
        "replaces it. Without a name, every vote counts.",
    )


_HREF = Field(description="The address that a browser opens: of the guide's site or this server.")


@dataclass(frozen=True, slots=True)
class CitationResponse(Citation):
    """A quote with its source, and the address where a browser reads it."""

    href: Annotated[str, _HREF]


@dataclass(frozen=True, slots=True)
class ResourceResponse(Resource):
    """A recommended resource, and its address for a browser."""

    href: Annotated[str, _HREF]


@dataclass(frozen=True, slots=True)
class RelatedResponse(Related):
    """A section close to the question, and its address for a browser."""

    href: Annotated[str, _HREF]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedAnswer(Answer):
    """Quotes from the guide with their sources, or a refusal; with the id of the stored answer."""

    hits: Annotated[tuple[WireHit, ...], Field(exclude=True)] = ()
    id: Annotated[
        str, Field(description="The id of the stored answer; empty where answers are not stored.")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerResponse(IdentifiedAnswer):
    """Quotes from the guide with their sources, or a refusal."""

    citations: tuple[CitationResponse, ...]
    resources: tuple[ResourceResponse, ...]
    related: tuple[RelatedResponse, ...]


class StoredAnswerResponse(_StrictModel):
    """A stored answer."""

    id: AnswerId
    at: str = Field(
        description="When the answer was last given, UTC.", examples=["2026-01-31T12:00:00Z"]
    )
    answer: AnswerResponse
    changed: list[int] = Field(
        description="The numbers of the citations whose section has changed since."
    )


@dataclass(frozen=True, slots=True)
class HitResponse(HitRecord):
    """A retrieved passage, and the address where a browser reads it."""

    href: Annotated[str, _HREF]


class SearchResponse(_StrictModel):
    """The retrieved passages, best first."""

    question: str
    understood_as: str
    generation: str
    hits: list[HitResponse]


class SectionResponse(_StrictModel):
    """A section of a page with its whole text."""

    headings: list[str]
    anchor: str
    url: str
    lines: tuple[int, int]
    text: str


class PageResponse(_StrictModel):
    """A page of the guide, section by section."""

    path: str
    title: str
    url: str
    sha256: str
    language: str
    generation: str
    sections: list[SectionResponse]


class HeadingResponse(_StrictModel):
    """A heading and the headings below it."""

    title: str
    path: str
    anchor: str
    below: list[HeadingResponse]


class GuideResponse(_StrictModel):
    """A description of the guide."""

    title: str
    languages: list[str] = Field(description="The languages that its pages declare.")
    interface: list[str] = Field(description="The languages of the chat's own messages.")
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
"""The content of a response that is a stream."""


class ProblemDetails(BaseModel):
    """An error after RFC 9457, with a hint on how to fix it."""

    type: str
    title: str
    status: int
    detail: str
    hint: str
    former_hint: str = Field(
        alias="mend", description="The same: the name of `hint` in version 0.1."
    )
    id: str = Field(description="The request's id in the log.")


_PROBLEM_SCHEMA = f"#/components/schemas/{ProblemDetails.__name__}"


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route by their statuses, for OpenAPI."""
    return {
        status: {
            "model": ProblemDetails,
            "content": {
                PROBLEM_JSON: {"schema": {"$ref": _PROBLEM_SCHEMA}},
            },
        }
        for status in statuses
    }


# -- OpenAI's chat completions: other fields that clients send are ignored -------------------------


class ContentPart(BaseModel):
    """A part of a message; only text is accepted."""

    type: str = Field(json_schema_extra={"const": "text"})
    text: str | None = None


class ChatMessage(BaseModel):
    """One message; those that are neither the user's nor the assistant's are ignored."""

    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: str | list[ContentPart] | None = None


class StreamOptions(RequestModel):
    """What a stream sends beside the answer."""

    include_usage: Annotated[bool, Field(strict=True)] = False


class ChatCompletionRequest(RequestModel):
    """A conversation; the user's last message is the question."""

    model: Annotated[str, Field(max_length=200)] = Field(
        "guide", description="Any name; the response repeats it."
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
    """The length of the conversation and the answer, in words instead of tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletionMessage(_StrictModel):
    """The answer as Markdown with footnotes."""

    role: Literal["assistant"]
    content: str
    refusal: None


class ChatCompletionChoice(_StrictModel):
    """The only choice."""

    index: int
    message: ChatCompletionMessage
    logprobs: None
    finish_reason: Literal["stop"]


class ChatCompletionResponse(_StrictModel):
    """An answer as OpenAI's clients read it, with its sources."""

    id: str
    object: Literal["chat.completion"]
    created: int = Field(description="Seconds since 1970.")
    model: str
    system_fingerprint: str = Field(description="The version of the index that answered.")
    choices: list[ChatCompletionChoice]
    usage: Usage
    citations: list[CitationResponse]
    resources: list[ResourceResponse]
    found: bool
    answer_id: str = Field(
        description="The id of the stored answer; empty where answers are not stored."
    )


class ModelResponse(_StrictModel):
    """The guide as a model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelListResponse(_StrictModel):
    """The list of models: the guide alone."""

    object: Literal["list"]
    data: list[ModelResponse]
