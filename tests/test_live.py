"""An Assistant that follows the edits of its guide while it is asked."""

from __future__ import annotations

import shutil
import time
from functools import partial

import pytest
from opened import opened
from starlette.testclient import TestClient

from assistant import building, web
from assistant import index as indexes
from assistant.ask import Assistant
from assistant.keys import Keys
from assistant.live import Followed, Live
from assistant.markup import Masthead
from assistant.service import Service
from assistant.settings import Settings

PATIENCE = 60.0  # seconds an edit may take to show on a busy machine


@pytest.fixture
def followed(tmp_path, word_encoder) -> Followed:
    """A guide of one page with its index."""
    corpus, folder = tmp_path / "guide", tmp_path / "index"
    corpus.mkdir()
    (corpus / "cat.md").write_text("# Cat\n\nA cat sleeps on the road.\n")
    build = partial(building.build, corpus, folder, word_encoder)
    build()
    return Followed(corpus, folder, build)


@pytest.fixture
def live(followed, word_encoder) -> Live:
    return Live(Assistant(indexes.open(followed.index), word_encoder))


def texts(assistant: Assistant) -> list[str]:
    found = assistant.search("cat dog road house").hits
    return sorted(hit.passage.text for hit in found)


def until(condition) -> None:
    """Wait until it is so, or for as long as patience lasts."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def edit(followed: Followed, text: str) -> None:
    (followed.corpus / "dog.md").write_text(text)


def test_an_update_moves_to_the_new_generation_and_a_question_begun_keeps_the_old(live, followed):
    asked = live.assistant
    edit(followed, "# Dog\n\nA dog sits in the house.\n")
    live.update(followed)
    cat, dog = "Cat\n\nA cat sleeps on the road.", "Dog\n\nA dog sits in the house."
    assert live.trouble == ""
    assert texts(live.assistant) == [cat, dog]
    assert texts(asked) == [cat]


def test_a_failing_update_keeps_the_old_generation_and_says_why(live, followed):
    generation = live.assistant.index.generation
    shutil.rmtree(followed.corpus)
    live.update(followed)
    assert live.assistant.index.generation == generation
    assert "There is no guide at" in live.trouble
    app = opened(Settings(index=followed.index, journal="off"), live).app
    token = Keys(followed.index / "keys.json").add("monitor", ["admin"])
    client = TestClient(app, base_url="http://localhost")
    assert client.get("/healthz").json() == {"status": "ok"}
    said = client.get("/healthz", headers={"Authorization": f"Bearer {token}"}).json()
    assert said["status"] == "stale"
    assert said["generation"] == generation
    assert said["trouble"] == live.trouble
    assert "earlier state of the guide" in web.Chat(Service(live), Masthead("")).trouble()


def test_an_update_after_a_failed_one_clears_the_trouble(live, followed):
    moved = followed.corpus.rename(followed.corpus.with_name("away"))
    live.update(followed)
    assert live.trouble
    moved.rename(followed.corpus)
    live.update(followed)
    assert live.trouble == ""


def test_whatever_breaks_an_update_does_not_end_the_watching(live, followed):
    def broken() -> None:
        raise RuntimeError("out of luck")

    live.update(Followed(followed.corpus, followed.index, broken))
    assert live.trouble == "The update failed (RuntimeError). The log says more."


def test_an_edit_shows_by_itself_while_watched(live, followed):
    with live.watch(followed):
        edit(followed, "# Dog\n\nA dog sits in the house.\n")
        until(lambda: len(texts(live.assistant)) == 2)
        (followed.corpus / "cat.md").unlink()
        until(lambda: texts(live.assistant) == ["Dog\n\nA dog sits in the house."])


def test_an_index_built_by_another_process_is_moved_to_while_watched(live, followed):
    with live.watch(Followed(followed.corpus, followed.index, lambda: None)):
        edit(followed, "# Dog\n\nA dog sits in the house.\n")
        followed.build()
        until(lambda: len(texts(live.assistant)) == 2)


def test_a_guide_whose_folder_is_exchanged_for_another_is_followed_on(live, followed, tmp_path):
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "dog.md").write_text("# Dog\n\nA dog sits in the house.\n")
    dog = "Dog\n\nA dog sits in the house."
    with live.watch(followed):
        followed.corpus.rename(tmp_path / "older")
        until(lambda: live.trouble)
        assert len(texts(live.assistant)) == 1
        newer.rename(followed.corpus)
        until(lambda: texts(live.assistant) == [dog] and not live.trouble)
        edit(followed, "# Dog\n\nA dog sits on the road.\n")
        until(lambda: texts(live.assistant) == ["Dog\n\nA dog sits on the road."])


def test_nothing_is_watched_any_more_once_it_ends(live, followed):
    with live.watch(followed):
        time.sleep(0.3)
    generation = live.assistant.index.generation
    edit(followed, "# Dog\n\nA dog sits in the house.\n")
    time.sleep(1.0)
    assert live.assistant.index.generation == generation
