"""Test a guide on a server from Python and the terminal: a local guide's answers, or an error.

The server is a real one in a thread of this process.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from assistant.cli.main import main
from assistant.client import connect
from assistant.conversation import MAX_CONVERSATION_BYTES, MAX_TURN_CHARS
from assistant.errors import QuestionError, ServerError
from assistant.models.answers import Answer, Turn
from tests.conftest import CORPUS, ROOT
from tests.served import serve_assistant

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

QUESTIONS = (
    "how is a PM different from a PO?",
    "what is a product owner?",
    "recommend a book",
    "how do I bake bread?",
    "which types of product managers are there?",
    "what does KPI stand for?",
    "half a character \ud800 of a product owner",
    "¿qué es un product owner? 产品 مالك",
)
CONVERSATION = (
    "what is a product owner?",
    "and a project manager?",
    "how do I bake bread?",
    "why?",
)


def timeless(answer: Answer) -> Answer:
    """An answer as it is sent, without what differs each time it is given."""
    return replace(Answer.from_dict(answer.to_dict()), seconds=0.0)


@pytest.fixture(scope="module")
def served(tmp_path_factory, corpus_assistant):
    """Run a server below a path."""
    folder = tmp_path_factory.mktemp("served")
    with serve_assistant(corpus_assistant, folder, root="/help", journal="off") as server:
        yield server


@pytest.fixture(scope="module")
def key(served) -> str:
    return served.keys.add("tests")


@pytest.fixture(scope="module")
def url(served, key) -> str:
    return f"{served.origin}/help/"


@pytest.fixture
def guide(url):
    with connect(url) as result:
        yield result


# -- the same as a local guide ---------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_from_a_server_is_the_one_given_here(guide, corpus_assistant, question):
    there, here = guide.ask(question), corpus_assistant.ask(question)
    assert replace(there, seconds=0.0) == timeless(here)
    assert str(there) == str(here)
    assert there.hits == ()


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_hits_from_a_server_are_those_found_here(guide, corpus_assistant, question):
    there, here = guide.search(question, k=7), corpus_assistant.search(question, k=7)
    assert there.to_dict() == json.loads(json.dumps(here.to_dict()))
    assert len(there) == 7
    assert {(hit.key, hit.passage.sentences) for hit in there} == {(-1, ())}


def test_a_conversation_with_a_server_is_the_same_as_a_local_one(guide, corpus_assistant):
    there, here = guide.conversation(), corpus_assistant.conversation()
    for question in CONVERSATION:
        assert replace(there.ask(question), seconds=0.0) == timeless(here.ask(question))
        assert there.turns == here.turns
    there.clear()
    assert there.turns == ()


def test_the_examples_of_a_server_are_those_made_here(guide, corpus_assistant):
    assert guide.examples() == corpus_assistant.examples()
    assert guide.examples(1) == corpus_assistant.examples()[:1]


@pytest.mark.parametrize("question", ["", " ", "a" * 2001])
def test_an_invalid_question_is_the_same_error_with_the_same_hint(
    guide, corpus_assistant, question
):
    with pytest.raises(QuestionError) as here:
        corpus_assistant.ask(question)
    for method in (guide.ask, guide.search, guide.conversation().ask):
        with pytest.raises(QuestionError) as there:
            method(question)
        assert (there.value.message, there.value.hint) == (here.value.message, here.value.hint)
        assert there.value.exit_code == here.value.exit_code


def test_more_hits_than_a_server_gives_are_an_error_and_not_fewer(guide):
    with pytest.raises(QuestionError) as raised:
        guide.search("backlog", k=51)
    assert "'k'" in raised.value.message
    assert raised.value.hint


def test_eight_threads_get_the_answers_that_each_question_gets_alone(guide):
    alone = {question: replace(guide.ask(question), seconds=0.0) for question in QUESTIONS}

    def ask(number: int):
        turned = [*QUESTIONS[number:], *QUESTIONS[:number]] * 2
        return [(question, replace(guide.ask(question), seconds=0.0)) for question in turned]

    with ThreadPoolExecutor(8) as pool:
        answers = [pair for pairs in pool.map(ask, range(8)) for pair in pairs]
    assert len(answers) == 8 * 2 * len(QUESTIONS)
    assert all(answer == alone[question] for question, answer in answers)


def test_many_are_awaited_at_once_and_one_that_is_cancelled_breaks_nothing(guide):
    async def ask_all():
        tasks = [asyncio.create_task(guide.ask_async(question)) for question in QUESTIONS * 3]
        await asyncio.sleep(0.002)
        for task in tasks[::2]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    ended = asyncio.run(ask_all())
    assert any(isinstance(end, asyncio.CancelledError) for end in ended)
    assert all(isinstance(end, Answer) for end in ended[1::2])
    assert guide.ask(QUESTIONS[0]).found


def test_a_conversation_too_long_for_a_request_is_sent_without_its_oldest_turns(guide):
    sources = tuple(f"a#b/{n}" for n in range(200))
    turns = [Turn("user", "what is a product owner?"), Turn("agent", "🐕" * 25_000, sources)]
    sent = sum(len(turn.text[:MAX_TURN_CHARS].encode()) for turn in turns * 10)
    assert sent > MAX_CONVERSATION_BYTES
    answer = guide.ask("and a project manager?", [*turns * 10, *turns[:1]])
    assert answer.understood_as == "what is a project manager?"
    with pytest.raises(QuestionError):  # the question itself is not cut
        guide.ask("ö" * 60_000)


# -- keys -----------------------------------------------------------------------------------------


def test_an_unknown_key_is_refused_with_a_hint_and_a_valid_one_is_accepted(url, key):
    with connect(url, key="guide_" + "w" * 43) as stranger:
        with pytest.raises(ServerError) as raised:
            stranger.ask(QUESTIONS[0])
        assert "not known" in raised.value.message
        assert "assistant keys add" in raised.value.hint
        assert "w" * 43 not in str(raised.value)
    with connect(url, key=key) as friend:
        assert friend.ask(QUESTIONS[0]).found


# -- in the terminal ------------------------------------------------------------------------------


@pytest.fixture
def typed(capsys, monkeypatch, tmp_path):
    """Run a command: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def type_(*arguments: object, reply: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(reply))
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return type_


def test_a_question_to_a_server_prints_what_one_to_an_index_prints(typed, url, corpus_index):
    here = typed("ask", QUESTIONS[0], "--index", corpus_index)
    assert typed("client", url, QUESTIONS[0]) == here
    code, out, _ = typed("client", url, QUESTIONS[0], "--json")
    _, expected, _ = typed("ask", QUESTIONS[0], "--json", "--index", corpus_index)
    result, expected = json.loads(out), json.loads(expected)
    assert code == 0
    assert {**result, "seconds": 0} == {**expected, "seconds": 0}


def test_a_conversation_with_a_server_prints_the_same_as_with_an_index(typed, url, corpus_index):
    reply = "\n".join([*CONVERSATION, "a" * 2001, "what is a KPI?", ""])
    here = typed("chat", "--index", corpus_index, reply=reply)
    assert here[0] == 0
    assert "Understood as: what is a project manager?" in here[1]
    assert "the limit is 2,000" in here[2]
    assert typed("client", url, reply=reply) == here


def test_a_key_is_taken_from_a_flag_or_the_environment(typed, url, key, monkeypatch):
    code, _, err = typed("client", url, QUESTIONS[0], "--key", "guide_wrong")
    assert code == 3
    assert "not known" in err
    assert len(err.splitlines()) == 2
    monkeypatch.setenv("ASSISTANT_KEY", "guide_wrong")
    assert typed("client", url, QUESTIONS[0])[0] == 3
    monkeypatch.setenv("ASSISTANT_KEY", key)
    assert typed("client", url, QUESTIONS[0])[0] == 0
    assert typed("ask", QUESTIONS[0], "--index", "none")[0] == 3  # ASSISTANT_KEY is a known setting


def test_an_invalid_address_is_an_error_of_two_lines(typed):
    code, out, err = typed("client", "help.example.org", "q")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2


# -- docs/python.md -------------------------------------------------------------------------------

DOCS = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
THERE = "https://help.example.org/guide"


@pytest.fixture
def place(tmp_path, corpus_index, monkeypatch):
    """A folder as a reader of the docs has it: the repository's guide, and one about tea."""
    shutil.copytree(CORPUS, tmp_path / "corpus")
    shutil.copytree(corpus_index, tmp_path / "index")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tea.md").write_text(
        "# Tea\n\n## What is green tea?\n\nGreen tea is a tea of unfermented leaves.\n\n"
        "## How is green tea brewed?\n\nGreen tea is brewed at 80 °C.\n"
    )
    return tmp_path


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)


def ran(command: list[str], folder, standard_input: str = "") -> str:
    environment = {name: value for name, value in os.environ.items() if "ASSISTANT_" not in name}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        input=standard_input,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_of_the_docs_runs_as_it_stands_one_block_after_the_other(place, url, key):
    lines = "\n".join(blocks("python"))
    assert lines.count("guide_…") == lines.count(THERE) == 1
    lines = lines.replace("guide_…", key).replace(THERE, url)
    output = ran(["-W", "error::ResourceWarning", "-c", lines], place)
    assert "[1] Introduction to Product Management" in output
    assert "Green tea is brewed at 80 °C." in output
    assert "how hot is green tea brewed?" in output
    assert "[True, " in output
    assert "The question is empty.\nAsk in words, for example: what is …?\n" in output
    for line, printed in re.findall(r"print\((error\.\w+)\) +# (.*)", lines):
        assert printed in output, line


def test_the_commands_of_the_docs_run_as_they_stand(place, url):
    (shown,) = blocks("console")
    commands = re.findall(r"^\$ assistant (.*)$", shown, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        typed = shlex.split(command.replace(THERE, url))
        assert "Scrum" in ran(["-m", "assistant", *typed], place, "what is a product owner?\n\n")
