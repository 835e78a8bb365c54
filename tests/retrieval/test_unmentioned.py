"""What a refusal says that the guide does not mention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assistant.index.index import open_index
from assistant.query.analyzer import Analyzer
from assistant.retrieval.ranker import load_shipped_model
from assistant.retrieval.retriever import Retriever
from tests.small_guides import build_assistant

if TYPE_CHECKING:
    from pathlib import Path

PAGES = {
    "tool.md": "# The tool\n\n## --quiet\n\nPrints nothing. See also `max_lines`.\n",
    "hens_4/feed.md": "# Feed\n\nThe quiet hens eat the lines of maize.\n",
    "hooks.md": "# Hooks\n\n## The start:done hook\n\nRuns a command after the start. "
    "Its default is true. `q-lines` prints them. A Hen Feeder fills the trough.\n",
    "errors.md": "# Errors\n\n## EHENSOUT\n\nThe gate is open. Close it.\n",
    "many.md": "# Many\n\n" + "".join(f"## Part {n}\n\nLogs part {n}.\n\n" for n in range(120)),
}


@pytest.fixture(scope="module")
def guide(tmp_path_factory, encoder) -> Path:
    folder = tmp_path_factory.mktemp("tool")
    build_assistant(folder, PAGES, encoder)
    return folder


@pytest.mark.parametrize(
    ("identifier", "unmentioned"),
    [
        ("--quiet", False),
        ("max_lines", False),
        ("hens_4", False),
        ("MAX_LINES", False),
        ("--lines", True),
        ("quiet_hens", True),
        ("E4711", True),
        ("--part", False),  # it stands nowhere, but too many passages have the word
        ("--the", False),
    ],
)
def test_an_identifier_is_unmentioned_where_it_certainly_stands_nowhere(
    guide, encoder, identifier, unmentioned
):
    retriever = Retriever(open_index(guide / "index").store, load_shipped_model())
    vector = encoder.encode([identifier])[0]
    assert retriever.is_unmentioned(identifier, vector) is unmentioned


def test_a_refusal_names_identifiers_then_the_rarest_words(guide, encoder):
    assistant = build_assistant(guide, PAGES, encoder)
    answer = assistant.ask("does the --lines option help with kombucha or xylophones at night?")
    assert not answer.found
    assert answer.missing[0] == "--lines"
    assert set(answer.missing[1:]) <= {"kombucha", "xylophones", "night", "help"}
    assert len(answer.missing) == 3


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("what does q-quiet do?", "q-quiet"),
        ("when does the quiet:done hook run?", "quiet:done"),
        ("what does QuietFeeder do?", "QuietFeeder"),
        ("does the hook have a startMs option, and what is its default?", "startMs"),
    ],
)
def test_what_is_asked_of_an_unknown_name_is_refused_by_name(guide, encoder, question, unknown):
    answer = build_assistant(guide, PAGES, encoder).ask(question)
    assert not answer.found
    assert answer.missing[0] == unknown


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("what does q-lines do?", "`q-lines` prints them"),
        ("when does the start:done hook run?", "Runs a command after the start"),
        ("what does the HenFeeder do?", "fills the trough"),
    ],
)
def test_a_name_that_the_guide_writes_apart_or_letter_by_letter_is_known(
    guide, encoder, question, quote
):
    answer = build_assistant(guide, PAGES, encoder).ask(question)
    assert quote.replace("`", "") in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "HenCountError: [Errno 7] EHENSOUT 10.2.3.4",
        'Traceback: File "/srv/farm/main.py", line 12 NewGateError (Caused by EHENSOUT)',
        "ugh the thing says HenCountError EHENSOUT wtf",
        "EHENSOUT",
    ],
)
def test_a_code_that_the_guide_has_is_answered_whatever_was_pasted_around_it(
    guide, encoder, question
):
    assert "Close it" in build_assistant(guide, PAGES, encoder).ask(question).text


def test_a_pasted_message_with_an_unknown_code_is_refused(guide, encoder):
    answer = build_assistant(guide, PAGES, encoder).ask(
        "HenCountError: [Errno 9] EHENSLOST 10.2.3.4"
    )
    assert not answer.found


def test_a_name_that_general_language_has_is_no_name_of_the_guide_s(guide, encoder):
    analyzer = Analyzer(open_index(guide / "index").store.vocabulary, encoder.token_rank)
    (interpretation,) = analyzer.interpret("does my iPhone start QuietFeeder?")
    assert interpretation.identifiers == ("QuietFeeder",)
