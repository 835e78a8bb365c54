"""Test the Python interface: open, build, ask, hold conversations, and do so concurrently."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import assistant
from assistant import Assistant, AssistantError, Conversation, bundled, client
from assistant.errors import IndexMissing, QuestionError, ServerError
from assistant.models import wire
from assistant.models.answers import Reason, Related
from assistant.render.html import Branding
from assistant.server.reload import LiveAssistant
from assistant.server.routes import chat as chat_module
from assistant.server.service import Service
from tests.conftest import CORPUS, ROOT

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

CONVERSATION = (
    "what is a product owner?",
    "and a project manager?",
    "how do I bake bread?",
    "why?",
)
QUESTIONS = (
    "how is a PM different from a PO?",
    "what is a product owner?",
    "recommend a book",
    "how do I bake bread?",
    "which types of product managers are there?",
    "what does KPI stand for?",
)


def drop_seconds(answer):
    """Return an answer without its seconds."""
    return replace(answer, seconds=0.0)


def stat_files(folder: Path) -> dict[Path, tuple[int, int]]:
    """Map every file of a folder to its time and size."""
    result = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in result}


@pytest.fixture
def nowhere(tmp_path, monkeypatch) -> Path:
    """An empty folder to stand in, and an environment that sets nothing of ours."""
    for name in list(os.environ):
        if name.startswith("ASSISTANT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- opening and building -------------------------------------------------------------------------


def test_a_folder_is_built_and_asked_in_two_lines(nowhere, encoder):
    Path("docs").mkdir()
    Path("docs/tea.md").write_text("# Tea\n\nGreen tea is brewed at 80 °C.\n")
    guide = Assistant.build("docs/", base_url="https://example.org/")
    answer = guide.ask("how hot is green tea brewed?")
    assert "80 °C" in answer.text
    assert answer.citations[0].url.startswith("https://example.org/")
    assert Path("index/CURRENT").is_file()
    opened = Assistant.open()
    assert drop_seconds(opened.ask(answer.question)) == drop_seconds(answer)


def test_building_again_brings_the_index_up_to_date_and_tells_how_far_it_is(nowhere, encoder):
    steps = []
    Path("corpus").mkdir()
    Path("corpus/tea.md").write_text("# Tea\n\nGreen tea is brewed at 80 °C.\n")
    Assistant.build(progress=lambda *step: steps.append(step))
    assert ("reading", 1, 1) in steps
    assert steps[-1][0] == "encoding"
    Path("corpus/tea.md").write_text("# Tea\n\nGreen tea is brewed at 75 °C.\n")
    assert "75 °C" in Assistant.build().ask("how hot is green tea brewed?").text


def test_a_setting_of_the_environment_holds_in_python_too(nowhere, corpus_index, monkeypatch):
    monkeypatch.setenv("ASSISTANT_INDEX", str(corpus_index))
    assert Assistant.open().ask("what is a product owner?").found


def test_opening_an_index_that_was_chosen_writes_nothing_there(nowhere, corpus_index):
    before = stat_files(corpus_index)
    Assistant.open(corpus_index).ask("what is a product owner?")
    assert stat_files(corpus_index) == before
    for chosen in ("none", "index"):
        with pytest.raises(IndexMissing, match="assistant build"):
            Assistant.open(chosen)
    Path("corpus").mkdir()  # a guide that is here, but not built, is not another one
    with pytest.raises(IndexMissing, match="assistant build"):
        Assistant.open()
    assert [path.name for path in nowhere.iterdir()] == ["corpus"]


def test_where_nothing_is_chosen_and_nothing_is_here_the_own_guide_answers(nowhere, encoder):
    steps = []
    first = Assistant.open(progress=lambda *step: steps.append(step))
    second = Assistant.open(progress=lambda *step: pytest.fail(f"built again: {step}"))
    assert steps
    assert drop_seconds(first.ask(QUESTIONS[0])) == drop_seconds(second.ask(QUESTIONS[0]))
    assert list(nowhere.iterdir()) == []
    assert bundled.corpus_folder() == CORPUS


def test_an_index_of_the_own_guide_that_was_damaged_is_made_again(nowhere, encoder):
    Assistant.open()
    for path in bundled.indexes_folder().rglob("passages.sqlite"):
        path.write_bytes(b"no index")
    assert Assistant.open().ask("what is a product owner?").found


def test_several_that_open_the_own_guide_first_all_answer(nowhere, encoder, monkeypatch):
    code = f"from assistant import Assistant\nprint(Assistant.open().ask({QUESTIONS[1]!r}).found)"
    models = Path(os.environ["XDG_CACHE_HOME"]) / "guide-assistant" / "models"
    (nowhere / "cache" / "guide-assistant").mkdir(parents=True)
    (nowhere / "cache" / "guide-assistant" / "models").symlink_to(models)
    (nowhere / "here").mkdir()
    environment = {**os.environ, "XDG_CACHE_HOME": str(nowhere / "cache"), "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=nowhere / "here",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert outputs == [("True\n", "")] * 3


def test_an_index_of_the_own_guide_is_of_its_bytes_and_of_the_model(tmp_path):
    (tmp_path / "a.md").write_text("# A\n")
    folder = bundled.index_folder(tmp_path, "")
    assert bundled.index_folder(tmp_path, "") == folder
    assert bundled.index_folder(tmp_path, "another") != folder
    (tmp_path / "a.md").write_text("# B\n")
    assert bundled.index_folder(tmp_path, "") != folder


# -- what comes back ------------------------------------------------------------------------------


def test_a_search_is_its_hits(corpus_assistant):
    result = corpus_assistant.search("backlog", k=5)
    assert [hit.rank for hit in result] == [1, 2, 3, 4, 5]
    assert len(result) == 5
    assert result[0] == result.hits[0]
    assert result[-1] == result.hits[-1]
    assert result[0] in result


def test_printed_an_answer_is_its_text_with_footnotes(corpus_assistant):
    answer = corpus_assistant.ask("what is a product owner?")
    assert answer.found
    *text, notes = str(answer).split("\n\n")
    assert "\n\n".join(text) == answer.text
    assert notes.startswith("[1] ")
    assert answer.resources


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_and_hits_survive_a_pickle_unchanged(corpus_assistant, question):
    answer, result = corpus_assistant.ask(question), corpus_assistant.search(question)
    for one in (answer, result, *answer.turns, *result):
        assert pickle.loads(pickle.dumps(one)) == one


def test_an_error_survives_a_pickle_with_its_hint():
    for error in (ServerError("what", "mend", retry_after=3), QuestionError("what", "mend")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), vars(again), str(again)) == (type(error), vars(error), str(error))


def test_a_type_comes_back_from_its_json():
    section = Related("a.md", ("A", "B"), "b", "a.md#b")
    data = wire.to_dict(section)
    assert data == {"path": "a.md", "headings": ["A", "B"], "anchor": "b", "url": "a.md#b"}
    assert wire.from_dict(Related, data) == section
    reason = Reason(None, 0.5, 3, 1.0, ("tea",))
    assert wire.from_dict(Reason, wire.to_dict(reason)) == reason
    for wrong in ({"headings": "A"}, {"path": None}, {"anchor": 1}):
        with pytest.raises(ValueError, match="validation error"):
            wire.from_dict(Related, data | wrong)


def test_the_former_name_of_the_client_is_accepted_with_a_warning():
    sys.modules.pop("assistant.remote", None)
    with pytest.warns(DeprecationWarning, match=r"assistant\.client"):
        from assistant.remote import connect as former
    assert former is assistant.connect is client.connect


# -- conversations --------------------------------------------------------------------------------


def test_a_follow_up_is_understood_from_the_conversation(corpus_assistant):
    chat = corpus_assistant.conversation()
    assert isinstance(chat, Conversation)
    chat.ask("what is a product owner?")
    assert chat.ask("and a project manager?").understood_as == "what is a project manager?"
    chat.clear()
    assert chat.turns == ()
    assert chat.ask("and a project manager?").understood_as != "what is a project manager?"


def test_a_conversation_in_python_has_the_same_turns_as_in_the_chat(corpus_assistant):
    chat, dialogue = (
        chat_module.Chat(Service(LiveAssistant(corpus_assistant)), Branding("Guide")),
        chat_module.ChatState(),
    )
    ours = corpus_assistant.conversation()
    for question in CONVERSATION:
        dialogue, _ = chat.answer(question, dialogue)
        ours.ask(question)
        assert ours.turns == dialogue.turns
    assert ours.turns[1].sources  # the quoted passages are kept


def test_an_invalid_question_leaves_the_conversation_unchanged(corpus_assistant):
    chat = corpus_assistant.conversation()
    chat.ask("what is a product owner?")
    before = chat.turns
    for wrong in ("", " ", "a" * 3000):
        with pytest.raises(QuestionError) as raised:
            chat.ask(wrong)
        assert raised.value.hint
    assert chat.turns == before


def test_a_conversation_keeps_at_most_20_turns(corpus_assistant):
    chat = corpus_assistant.conversation()
    for number in range(15):
        chat.ask(f"what is a product owner? ({number})")
    assert len(chat.turns) == 20
    assert chat.turns[-2].text == "what is a product owner? (14)"


class Slow:
    """A slow guide that records the length of the history before each question."""

    def __init__(self, guide) -> None:
        self.answer = guide.ask("what is a product owner?")
        self.before: list[int] = []

    def ask(self, question, history=()):
        self.before.append(len(history))
        time.sleep(0.01)
        return replace(self.answer, question=question)


def test_concurrent_questions_of_one_conversation_are_answered_in_turn(corpus_assistant):
    slow = Slow(corpus_assistant)
    chat, questions = Conversation(slow), [f"what is a product owner? ({n})" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(chat.ask, questions))
    assert slow.before == [0, 2, 4, 6, 8, 10, 12, 14]
    assert [turn.role for turn in chat.turns] == ["user", "agent"] * 8
    assert sorted(turn.text for turn in chat.turns[::2]) == questions


# -- at once --------------------------------------------------------------------------------------


def test_eight_threads_get_the_answers_that_each_question_gets_alone(corpus_assistant):
    alone = {question: drop_seconds(corpus_assistant.ask(question)) for question in QUESTIONS}
    ready = threading.Barrier(8)

    def ask(number: int):
        ready.wait()
        turned = [*QUESTIONS[number % len(QUESTIONS) :], *QUESTIONS[: number % len(QUESTIONS)]] * 3
        return [(question, drop_seconds(corpus_assistant.ask(question))) for question in turned]

    with ThreadPoolExecutor(8) as pool:
        answers = [pair for pairs in pool.map(ask, range(8)) for pair in pairs]
    assert len(answers) == 8 * 3 * len(QUESTIONS)
    assert all(answer == alone[question] for question, answer in answers)


def test_many_questions_are_awaited_at_once_while_the_loop_goes_on(corpus_assistant):
    alone = [drop_seconds(corpus_assistant.ask(question)) for question in QUESTIONS]

    async def ask_all():
        went_on = 0
        asking = asyncio.gather(
            *(corpus_assistant.ask_async(question) for question in QUESTIONS * 8)
        )
        while not asking.done():
            went_on += 1
            await asyncio.sleep(0)
        return await asking, went_on

    answers, went_on = asyncio.run(ask_all())
    assert [drop_seconds(answer) for answer in answers] == alone * 8
    assert went_on > 100


def test_one_that_is_cancelled_breaks_nothing(corpus_assistant):
    async def cancel_and_ask():
        chat = corpus_assistant.conversation()
        tasks = [
            asyncio.create_task(corpus_assistant.ask_async(question)) for question in QUESTIONS
        ]
        tasks.append(asyncio.create_task(chat.ask_async("what is a product owner?")))
        await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert any(isinstance(end, asyncio.CancelledError) for end in ended)
        return await chat.ask_async("what is a product owner?"), chat.turns

    answer, turns = asyncio.run(cancel_and_ask())
    assert answer.found
    assert [turn.role for turn in turns] == ["user", "agent"] * (len(turns) // 2)


def test_an_error_is_raised_where_it_is_awaited(corpus_assistant):
    with pytest.raises(QuestionError) as raised:
        asyncio.run(corpus_assistant.ask_async(""))
    assert raised.value.hint


# -- types and docs -------------------------------------------------------------------------------

USE = """
from assistant import Answer, Assistant, AssistantError, Conversation, Turn
from assistant.conversation import Guide
from assistant.remote import connect


def titles(guide: Guide, question: str) -> list[str]:
    return [hit.passage.heading for hit in guide.search(question, k=5)]


async def later(guide: Guide) -> Answer:
    return await guide.ask_async("what is a product owner?", [Turn("user", "hello")])


def use() -> None:
    here = Assistant.open()
    with connect("http://127.0.0.1:7860", key="guide_") as there:
        titles(here, "backlog")
        titles(there, "backlog")
        talk: Conversation = there.conversation()
    try:
        quotes: list[str] = [citation.quote for citation in talk.ask("why?").citations]
    except AssistantError as error:
        print(error.message, error.hint, quotes)
"""
WRONG = "from assistant import Assistant\n\nanswer: int = Assistant.open().ask('why?')\n"


# What our public annotations do not name is not followed: torch's own takes 10 s to read.
MYPY = """[mypy]
strict = true
follow_imports = silent
[mypy-docutils.*,faiss.*,fastapi.*,gradio.*,lxml.*,markitdown.*,mcp.*,numpy.*,onnx.*,onnxruntime.*]
follow_imports = skip
[mypy-prometheus_client.*,rapidfuzz.*,rich.*,sentence_transformers.*,sqlalchemy.*,starlette.*]
follow_imports = skip
[mypy-torch.*,typer.*,uvicorn.*,watchfiles.*,yaml.*]
follow_imports = skip
"""


def test_code_that_uses_a_guide_here_or_on_a_server_is_typed(tmp_path):
    (tmp_path / "mypy.ini").write_text(MYPY)
    (tmp_path / "right.py").write_text(USE)
    (tmp_path / "wrong.py").write_text(WRONG)
    # Only a package with its marker, py.typed, is looked into.
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "right.py", "wrong.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    error, total = done.stdout.splitlines()
    assert error.startswith("wrong.py:3: ")
    assert 'expression has type "Answer", variable has type "int"' in error
    assert total == "Found 1 error in 1 file (checked 2 source files)"


def test_every_error_is_one_of_ours_with_a_hint(nowhere):
    for wrong in (
        lambda: Assistant.open("none"),
        lambda: Assistant.build("none", "index"),
        lambda: Assistant.open(model="/no such model", folder="none"),
    ):
        with pytest.raises(AssistantError) as raised:
            wrong()
        assert raised.value.message
        assert raised.value.hint
