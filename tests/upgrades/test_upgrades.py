"""An index, journal, keys, permalinks and answers of every earlier version open under this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.errors import IndexOutdated
from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import Answer
from assistant.server.answer_log import AnswerLog
from assistant.server.reload import LiveAssistant
from assistant.server.security.api_keys import ApiKeys
from assistant.settings import Settings
from assistant.verify import verify_saved_answer
from tests.opened import open_server
from tests.upgrades.make import QUESTION

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

VERSIONS = sorted(path.parent.name for path in Path(__file__).parent.glob("*/expected.json"))


@pytest.fixture(params=VERSIONS)
def sample(request, tmp_path) -> Path:
    """A copy of what a version left: a guide, its index with journal and keys, and an answer."""
    return Path(shutil.copytree(Path(__file__).parent / request.param, tmp_path / "sample"))


@pytest.fixture
def expected(sample) -> dict[str, str]:
    return json.loads((sample / "expected.json").read_text(encoding="utf-8"))


def test_there_is_a_sample_of_a_version():
    assert VERSIONS


def test_an_index_opens_or_is_built_anew_with_the_reason_and_then_answers(sample, encoder):
    try:
        indexes.open_index(sample / "index")
        outdated = False
    except IndexOutdated:
        outdated = True
    built = builder.build_index(sample / "guide", sample / "index", encoder)
    # The reason is there whenever work is done, and none where the index could stay.
    assert built.reasons == (("the index format changed",) if outdated else ())
    answer = Assistant(indexes.open_index(sample / "index"), encoder).ask(QUESTION)
    assert {citation.path for citation in answer.citations} == {"boats.md"}


def test_an_answer_s_permalink_and_what_readers_thought_of_it_are_kept(sample, expected):
    journal = AnswerLog.open(f"sqlite:///{sample / 'index' / 'journal.sqlite'}", days=36500)
    try:
        saved = journal.get(expected["answer"])
        assert saved.answer.question == QUESTION
        assert saved.answer.text == expected["text"]
        assert {rating.id for rating in journal.ratings()} == {expected["answer"]}
        assert any("Which lines?" in str(rating) for rating in journal.ratings())
        assert journal.rate(expected["answer"], helpful=True)
    finally:
        journal.close()


def test_a_key_still_lets_its_owner_in_and_another_may_be_made(sample, expected):
    keys = ApiKeys(sample / "index" / "keys.json")
    assert keys.find(expected["key"]).scopes == ("read", "feedback")
    assert keys.find(keys.add("other")).name == "other"
    assert [key.name for key in keys.list_keys()] == ["reader", "other"]


def test_an_answer_saved_as_json_is_read_and_proven(sample, encoder):
    builder.build_index(sample / "guide", sample / "index", encoder)
    data = json.loads((sample / "answer.json").read_text(encoding="utf-8"))
    assert Answer.from_dict(data).question == QUESTION
    assert verify_saved_answer(data, sample / "guide", sample / "index") >= 1


def test_a_permalink_is_served_over_http(sample, expected, encoder):
    from fastapi.testclient import TestClient

    builder.build_index(sample / "guide", sample / "index", encoder)
    live = LiveAssistant(Assistant(indexes.open_index(sample / "index"), encoder))
    server = open_server(Settings(index=sample / "index", keep_days=36500), live)
    with TestClient(server.app, base_url="http://127.0.0.1") as client:
        page = client.get(f"/a/{expected['answer']}")
        assert page.status_code == 200
        assert expected["text"].partition(" [")[0] in page.text
        response = client.get(
            f"/api/answers/{expected['answer']}",
            headers={"Authorization": f"Bearer {expected['key']}"},
        )
        assert response.json()["changed"] == []
