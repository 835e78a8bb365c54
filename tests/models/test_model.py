"""The types that flow between modules: what they refuse, and how they read as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.models import answers, documents
from assistant.models.answers import (
    MARKER,
    REFUSAL,
    Answer,
    Block,
    BlockRow,
    Citation,
    Hit,
    Reason,
    Related,
    Search,
    Span,
)
from assistant.models.documents import Passage, Resource, Sentence

TEXT = "Cats\n\nCats sleep. They purr."
HEADINGS = ("Guide", "Cats")


def passage(**changes: Any) -> Passage:
    given_values: dict[str, Any] = {
        "id": "p.md#cats/1",
        "path": "p.md",
        "headings": HEADINGS,
        "anchor": "cats",
        "url": "p.md#cats",
        "text": TEXT,
        "sentences": (
            Sentence(0, 4, "heading", (1, 1)),
            Sentence(6, 17, "prose", (3, 3)),
            Sentence(18, 28, "prose", (3, 3)),
        ),
    }
    return Passage(**(given_values | changes))


def citation(n: int = 1, **changes: Any) -> Citation:
    given_values: dict[str, Any] = {
        "n": n,
        "passage": "p.md#cats/1",
        "path": "p.md",
        "headings": HEADINGS,
        "anchor": "cats",
        "url": "p.md#cats",
        "quote": "Cats sleep.",
        "span": (6, 17),
        "lines": (3, 3),
        "sha256": "0" * 64,
    }
    return Citation(**(given_values | changes))


def hit() -> Hit:
    return Hit(passage(), 0, 1, 0.123456789, Reason(1, 0.5, None, 0.0, ("cats",)))


def answer(**changes: Any) -> Answer:
    given_values: dict[str, Any] = {
        "question": "do cats sleep",
        "understood_as": "do cats sleep?",
        "found": True,
        "citations": (citation(1), citation(2, quote="They purr.", span=(18, 28))),
        "confidence": 0.75,
        "resources": (
            Resource("On cats", "https://a.example", "article", 7, "p.md", HEADINGS, "cats"),
        ),
        "related": (Related("p.md", ("Guide", "Dogs"), "dogs", "p.md#dogs"),),
        "missing": (),
        "next_questions": ("What is a dog?",),
        "hits": (hit(),),
        "writer": "extractive",
        "degraded": (),
        "generation": "1",
        "seconds": 0.01,
    }
    return Answer(**(given_values | changes))


NOT_FOUND: dict[str, Any] = {"found": False, "citations": ()}


# -- passages -------------------------------------------------------------------------------


def test_every_sentence_slices_out_of_its_passage() -> None:
    result = passage()
    assert [result.slice(sentence) for sentence in result.sentences] == [
        "Cats",
        "Cats sleep.",
        "They purr.",
    ]


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 29)],
        [(-1, 4)],
        [(4, 4)],
        [(4, 2)],
        [(0, 5), (4, 9)],
        [(6, 17), (0, 4)],
        [(28, 29)],
    ],
)
def test_a_passage_refuses_sentences_that_do_not_slice(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="does not slice"):
        passage(sentences=tuple(Sentence(a, b, "prose", (1, 1)) for a, b in spans))


def test_the_search_sees_the_heading_path_once_and_then_the_body() -> None:
    assert passage().search_text == "Guide > Cats\nCats sleep. They purr."
    assert passage().body == "Cats sleep. They purr."
    assert passage(text="Go.", sentences=(Sentence(0, 3, "prose", (1, 1)),)).body == "Go."


def test_a_sentence_is_encoded_with_its_heading_before_it() -> None:
    assert passage().sentence_texts == ["Cats", "Cats: Cats sleep.", "Cats: They purr."]


# -- citations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"quote": ""}, {"quote": "", "span": (6, 6)}, {"span": (6, 16)}, {"span": (17, 6)}]
)
def test_a_quote_fills_its_span(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="span"):
        citation(**changes)


# -- answers --------------------------------------------------------------------------------


def test_an_answer_is_found_exactly_when_it_cites() -> None:
    with pytest.raises(ValueError, match="cites"):
        answer(citations=())
    with pytest.raises(ValueError, match="cites"):
        answer(found=False)
    assert answer(**NOT_FOUND).text == REFUSAL


@pytest.mark.parametrize("numbers", [(2,), (0, 1), (1, 1), (2, 1), (1, 3)])
def test_citations_are_numbered_from_one_in_order(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="numbered"):
        answer(citations=tuple(citation(n) for n in numbers))


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan"), float("inf")])
def test_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        answer(confidence=confidence)


@settings(deadline=None)
@given(st.lists(st.text("ab .", min_size=1, max_size=9), min_size=1, max_size=6))
def test_the_text_is_the_quotes_with_their_numbers_and_nothing_else(quotes: list[str]) -> None:
    cited = tuple(
        citation(n, quote=quote, span=(3, 3 + len(quote))) for n, quote in enumerate(quotes, 1)
    )
    result = answer(citations=cited)
    assert [int(n) for n in MARKER.findall(result.text)] == list(range(1, len(quotes) + 1))
    assert result.text == "\n\n".join(f"{quote} [{n}]" for n, quote in enumerate(quotes, 1))


def test_an_answer_says_which_side_the_guide_does_not_speak_of() -> None:
    assert answer().note == ""
    lacking = answer(missing=("ferrets", "mink"))
    assert lacking.note == "The guide does not mention “ferrets” or “mink”."
    assert lacking.note in str(lacking)
    assert lacking.note not in lacking.text, "the text is made of quotes and nothing else"


def test_an_answer_prints_with_its_sources() -> None:
    assert str(answer()).endswith("[2] Guide > Cats (p.md#cats)")
    assert str(answer(**NOT_FOUND)) == REFUSAL


def test_an_answer_stored_without_blocks_has_a_paragraph_for_each_line_of_its_quotes() -> None:
    quote = "Cats\n\nCats sleep."
    cited = citation(1, quote=quote, span=(0, len(quote))), citation(2)
    old = answer(citations=cited)
    assert old.blocks == ()
    assert [(b.kind, b.citations, b.rows) for b in old.quoted_blocks] == [
        ("paragraph", (n,), (BlockRow(((Span(line),),)),))
        for n, line in [(1, "Cats"), (1, "Cats sleep."), (2, "Cats sleep.")]
    ]
    assert answer(**NOT_FOUND).quoted_blocks == ()


def test_an_answer_with_blocks_shows_those() -> None:
    own = (Block("code", (1, 2), (BlockRow(((Span("Cats sleep."),),)),)),)
    assert answer(blocks=own).quoted_blocks == own


# -- JSON -----------------------------------------------------------------------------------

ANSWER = set(
    "question understood_as other_readings found text confidence citations resources related "
    "missing next_questions writer degraded generation seconds blocks is_overview "
    "is_other_language".split()
)
CITATION = set("n passage path headings anchor url quote span lines sha256".split())
RESOURCE = set("title url kind minutes path headings anchor".split())
RELATED = set("path headings anchor url".split())
BLOCK = set("kind citations rows header total".split())
ROW = set("cells marker level is_code citation".split())
SPAN = set("text url highlight styles".split())
SEARCH = set("question understood_as hits".split())
HIT = set("rank passage path headings anchor url probability text why".split())


def through_json(value: dict[str, Any]) -> dict[str, Any]:
    back = json.loads(json.dumps(value, allow_nan=False))
    assert back == value, "only JSON types"
    return back


def test_an_answer_has_the_keys_every_door_promises() -> None:
    block = Block("paragraph", (1,), (BlockRow(((Span("Cats sleep."),),)),))
    result = through_json(answer(blocks=(block,)).to_dict())
    assert set(result) == ANSWER
    assert [set(one) for one in result["citations"]] == [CITATION, CITATION]
    assert [set(one) for one in result["resources"]] == [RESOURCE]
    assert [set(one) for one in result["related"]] == [RELATED]
    assert [set(one) for one in result["blocks"]] == [BLOCK]
    (row,) = result["blocks"][0]["rows"]
    assert set(row) == ROW
    assert [[set(span) for span in cell] for cell in row["cells"]] == [[SPAN]]
    assert result["citations"][0]["span"] == [6, 17]
    assert result["text"] == "Cats sleep. [1]\n\nThey purr. [2]"


def test_an_answer_not_found_has_the_same_keys_and_no_claim() -> None:
    result = through_json(answer(**NOT_FOUND).to_dict())
    assert set(result) == ANSWER
    assert (result["found"], result["citations"], result["text"]) == (False, [], REFUSAL)


def test_a_search_has_the_keys_every_door_promises() -> None:
    result = through_json(Search("q", "q?", (hit(),)).to_dict())
    assert set(result) == SEARCH
    (first,) = result["hits"]
    assert set(first) == HIT
    assert (first["rank"], first["passage"], first["text"]) == (1, "p.md#cats/1", TEXT)


TEXTS = st.text(st.characters(), max_size=9)  # halves of characters too
PATHS = st.tuples(TEXTS, TEXTS)
QUOTES = st.lists(st.tuples(TEXTS.filter(bool), st.integers(0, 99)), max_size=3)
RESOURCES = st.builds(
    Resource,
    title=TEXTS,
    url=TEXTS,
    kind=st.sampled_from(["article", "book", "video", "form", "page"]),
    minutes=st.none() | st.integers(),
    path=TEXTS,
    headings=PATHS,
    anchor=TEXTS,
)
SPANS = st.builds(Span, TEXTS, TEXTS, st.booleans())
CELLS = st.lists(SPANS, max_size=2).map(tuple)
ROWS = st.builds(BlockRow, st.lists(CELLS, max_size=2).map(tuple), TEXTS, st.integers(0, 9))
BLOCKS = st.builds(
    Block,
    kind=st.sampled_from(["heading", "paragraph", "list", "table", "code"]),
    citations=st.lists(st.integers(1, 9), max_size=2).map(tuple),
    rows=st.lists(ROWS, max_size=2).map(tuple),
    header=st.lists(CELLS, max_size=2).map(tuple),
    total=st.integers(0, 99),
)


@st.composite
def drawn_answers(draw: st.DrawFn) -> Answer:
    quotes = draw(QUOTES)
    cited = tuple(
        citation(n, quote=quote, span=(start, start + len(quote)), headings=draw(PATHS))
        for n, (quote, start) in enumerate(quotes, 1)
    )
    return answer(
        question=draw(TEXTS),
        understood_as=draw(TEXTS),
        found=bool(cited),
        citations=cited,
        confidence=draw(st.floats(0, 1)),
        resources=tuple(draw(st.lists(RESOURCES, max_size=2))),
        related=tuple(draw(st.lists(st.builds(Related, TEXTS, PATHS, TEXTS, TEXTS), max_size=2))),
        missing=draw(PATHS),
        next_questions=draw(PATHS),
        degraded=draw(PATHS),
        seconds=draw(st.floats(0, 99) | st.integers(0, 99)),
        other_readings=draw(PATHS),
        blocks=tuple(draw(st.lists(BLOCKS, max_size=2))),
    )


@settings(deadline=None)
@given(drawn_answers())
def test_an_answer_comes_back_from_its_json_as_it_was(given_answer: Answer) -> None:
    back = Answer.from_dict(given_answer.to_dict())
    assert back.to_dict() == given_answer.to_dict()
    assert (back.citations, back.related) == (given_answer.citations, given_answer.related)
    assert back.blocks == given_answer.blocks
    assert back.hits == ()


def test_an_answer_that_an_earlier_version_stored_has_no_blocks() -> None:
    data = answer().to_dict()
    del data["blocks"]
    assert Answer.from_dict(data).blocks == ()


def test_an_answer_read_again_speaks_of_its_quotes_alone() -> None:
    data = answer().to_dict() | {"text": "Cats bark. [1]"}
    assert Answer.from_dict(data).text == answer().text


CITATION_DATA = answer().to_dict()["citations"][0]
SONG = answer().to_dict()["resources"][0] | {"kind": "song"}

CHANGES: dict[str, Any] = {
    "a number for a question": {"question": 1},
    "a text for a number": {"confidence": "0.5"},
    "no probability": {"confidence": 2},
    "found without a citation": {"citations": []},
    "a text for a list": {"degraded": "ab"},
    "a list of numbers for one of texts": {"missing": [1]},
    "one citation for a list of them": {"citations": CITATION_DATA},
    "a text for a citation": {"citations": ["Cats sleep."]},
    "a citation that lacks its page": {"citations": [{"n": 1, "quote": "Cats sleep."}]},
    "a span of one end": {"citations": [CITATION_DATA | {"span": [6]}]},
    "a span of three": {"citations": [CITATION_DATA | {"span": [6, 17, 28]}]},
    "a span that is not filled": {"citations": [CITATION_DATA | {"span": [6, 16]}]},
    "a resource of no kind": {"resources": [SONG]},
    "a resource of a kind that is a list": {"resources": [SONG | {"kind": []}]},
    "a text for a resource": {"resources": "ab"},
    "nothing for a list": {"related": None},
    "a block of no kind": {"blocks": [{"kind": "poem", "citations": [1], "rows": []}]},
    "a text for a block": {"blocks": ["Cats sleep."]},
    "a text for a row": {"blocks": [{"kind": "list", "citations": [1], "rows": ["Cats"]}]},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_what_is_no_answer_is_a_value_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not an answer"):
        Answer.from_dict(answer().to_dict() | changes)


@pytest.mark.parametrize(
    "missing",
    sorted(ANSWER - {"text", "other_readings", "blocks", "is_overview", "is_other_language"}),
)
def test_an_answer_that_lacks_a_key_is_a_value_error(missing: str) -> None:
    data = answer().to_dict()
    del data[missing]
    with pytest.raises(ValueError, match="not an answer"):
        Answer.from_dict(data)


@pytest.mark.parametrize("data", [None, 3, "answer", [], {}, [["question", "?"]]])
def test_no_answer_at_all_is_a_value_error(data: Any) -> None:
    with pytest.raises(ValueError, match="not an answer"):
        Answer.from_dict(data)


def test_fields_that_a_newer_version_adds_are_ignored() -> None:
    data = answer().to_dict()
    data["citations"][0]["href"] = "/guide/p.md"
    data["colour"] = "red"
    assert Answer.from_dict(data).to_dict() == answer().to_dict()


def test_a_search_comes_back_from_its_json_without_sentences() -> None:
    data = Search("q", "q?", (hit(),)).to_dict()
    back = Search.from_dict(data)
    assert back.to_dict() == data
    assert [(one.key, one.passage.sentences) for one in back] == [(-1, ())]
    with pytest.raises(ValueError, match="not a search"):
        Search.from_dict(data | {"hits": [{"rank": 1}]})


def test_every_type_is_frozen_and_slotted() -> None:
    types = [
        kind
        for kind in {**vars(documents), **vars(answers)}.values()
        if dataclasses.is_dataclass(kind) and kind.__module__.startswith("assistant")
    ]
    assert len(types) > 10
    for kind in types:
        assert kind.__dataclass_params__.frozen, kind
        assert "__slots__" in vars(kind), kind
