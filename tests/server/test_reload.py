"""Test an Assistant that follows the edits of its guide while it answers."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from opened import open_server
from starlette.testclient import TestClient

from assistant.assistant import Assistant
from assistant.index import builder, generations
from assistant.index import index as indexes
from assistant.render.html import Branding
from assistant.server.reload import LiveAssistant, WatchedGuide
from assistant.server.routes import chat
from assistant.server.security.api_keys import ApiKeys
from assistant.server.service import Service
from assistant.settings import Settings

PATIENCE = 300.0  # seconds an edit may take to show on a busy machine


@pytest.fixture
def followed(tmp_path, word_encoder) -> WatchedGuide:
    """A guide of one page with its index."""
    corpus, folder = tmp_path / "guide", tmp_path / "index"
    corpus.mkdir()
    (corpus / "cat.md").write_text("# Cat\n\nA cat sleeps on the road.\n")
    build = partial(builder.build_index, corpus, folder, word_encoder)
    build()
    return WatchedGuide(corpus, folder, build)


@pytest.fixture
def live(followed, word_encoder) -> LiveAssistant:
    return LiveAssistant(Assistant(indexes.open_index(followed.index), word_encoder))


def find_texts(assistant: Assistant) -> list[str]:
    hits = assistant.search("cat dog road house").hits
    return sorted(hit.passage.text for hit in hits)


def wait_until(condition) -> None:
    """Wait for a condition, at most `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def edit(followed: WatchedGuide, text: str) -> None:
    (followed.corpus / "dog.md").write_text(text)


def test_an_update_moves_to_the_new_generation_and_a_question_begun_keeps_the_old(live, followed):
    before = live.assistant
    edit(followed, "# Dog\n\nA dog sits in the house.\n")
    live.update(followed)
    cat, dog = "Cat\n\nA cat sleeps on the road.", "Dog\n\nA dog sits in the house."
    assert live.stale_reason == ""
    assert find_texts(live.assistant) == [cat, dog]
    assert find_texts(before) == [cat]


def test_a_failing_update_keeps_the_old_generation_and_says_why(live, followed):
    generation = live.assistant.index.generation
    shutil.rmtree(followed.corpus)
    live.update(followed)
    assert live.assistant.index.generation == generation
    assert "The guide cannot be read" in live.stale_reason
    assert str(followed.corpus) not in live.stale_reason, "readers see it"
    app = open_server(Settings(index=followed.index, journal="off"), live).app
    token = ApiKeys(followed.index / "keys.json").add("monitor", ["admin"])
    client = TestClient(app, base_url="http://localhost")
    assert client.get("/healthz").json() == {"status": "ok"}
    health = client.get("/healthz", headers={"Authorization": f"Bearer {token}"}).json()
    assert health["status"] == "stale"
    assert health["generation"] == generation
    assert health["trouble"] == live.stale_reason
    notice = chat.Chat(Service(live), Branding("")).render_stale_notice()
    assert "earlier version of the guide" in notice


def test_an_update_after_a_failed_one_clears_the_reason(live, followed):
    moved = followed.corpus.rename(followed.corpus.with_name("away"))
    live.update(followed)
    assert live.stale_reason
    moved.rename(followed.corpus)
    live.update(followed)
    assert live.stale_reason == ""


def test_an_error_in_an_update_does_not_end_the_watching(live, followed):
    def broken() -> None:
        raise RuntimeError("out of luck")

    live.update(WatchedGuide(followed.corpus, followed.index, broken))
    assert live.stale_reason == "The update failed (RuntimeError). The log says more."


def test_an_edit_is_indexed_while_the_guide_is_watched(live, followed):
    with live.watch(followed, every=PATIENCE):
        edit(followed, "# Dog\n\nA dog sits in the house.\n")
        wait_until(lambda: len(find_texts(live.assistant)) == 2)
        (followed.corpus / "cat.md").unlink()
        wait_until(lambda: find_texts(live.assistant) == ["Dog\n\nA dog sits in the house."])


def test_an_index_built_by_another_process_is_loaded_while_watched(live, followed):
    with live.watch(WatchedGuide(followed.corpus, followed.index, lambda: None)):
        edit(followed, "# Dog\n\nA dog sits in the house.\n")
        followed.build()
        wait_until(lambda: len(find_texts(live.assistant)) == 2)


def test_a_guide_folder_that_is_replaced_is_still_watched(live, followed, tmp_path):
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "dog.md").write_text("# Dog\n\nA dog sits in the house.\n")
    dog = "Dog\n\nA dog sits in the house."
    with live.watch(followed):
        followed.corpus.rename(tmp_path / "older")
        wait_until(lambda: live.stale_reason)
        assert len(find_texts(live.assistant)) == 1
        newer.rename(followed.corpus)
        wait_until(lambda: find_texts(live.assistant) == [dog] and not live.stale_reason)
        edit(followed, "# Dog\n\nA dog sits on the road.\n")
        wait_until(lambda: find_texts(live.assistant) == ["Dog\n\nA dog sits on the road."])


def test_nothing_is_watched_after_the_end(live, followed):
    with live.watch(followed):
        time.sleep(0.3)
    generation = live.assistant.index.generation
    edit(followed, "# Dog\n\nA dog sits in the house.\n")
    time.sleep(1.0)
    assert live.assistant.index.generation == generation


# -- only compared ----------------------------------------------------------------------------


@pytest.fixture
def compared(followed) -> WatchedGuide:
    """Return the same guide and index, which only other processes build."""
    for name in ("bird", "fish"):
        (followed.corpus / f"{name}.md").write_text(f"# {name}\n\nA {name} is in the tree.\n")
    followed.build()
    return replace(followed, build=None)


def test_pages_changed_since_the_build_are_counted_in_every_answer(compared, word_encoder):
    live = LiveAssistant(Assistant(indexes.open_index(compared.index), word_encoder))
    assert live.assistant.ask("the bird in the tree").degraded == ()
    (compared.corpus / "bird.md").unlink()
    (compared.corpus / "fish.md").write_text("# Fish\n\nA fish is in the river.\n")
    edit(compared, "# Dog\n\nA dog sits in the house.\n")
    with live.watch(compared, every=0.1):
        wait_until(lambda: live.stale_reason)
        counted = "3 pages changed since this index was built (1 edited, 1 added, 1 deleted)."
        assert live.stale_reason.startswith(counted)
        assert "assistant build" in live.stale_reason
        assert live.assistant.ask("the bird in the tree").degraded == (live.stale_reason,)


def test_an_index_that_another_process_builds_is_served_and_clears_the_reason(
    compared, live, word_encoder
):
    edit(compared, "# Dog\n\nA dog sits in the house.\n")
    with live.watch(compared, every=0.1):
        wait_until(lambda: live.stale_reason)
        builder.build_index(compared.corpus, compared.index, word_encoder)
        wait_until(lambda: not live.stale_reason)
        assert any("dog" in text for text in find_texts(live.assistant))
        assert live.assistant.ask("the dog in the house").degraded == ()


def test_a_page_that_was_touched_or_copied_but_says_the_same_is_no_change(compared, live):
    for path in compared.corpus.iterdir():
        os.utime(path, (1, 1))
    assert not live.check(compared)
    assert live.stale_reason == ""
    shutil.copytree(compared.corpus, compared.corpus.with_name("copy"))
    live.check(replace(compared, corpus=compared.corpus.with_name("copy")))
    assert live.stale_reason == ""


def test_an_index_whose_guide_is_not_expected_here_is_served_without_a_notice(compared, live):
    shutil.rmtree(compared.corpus)
    live.check(replace(compared, expected=False))
    assert live.stale_reason == ""
    live.check(compared)
    assert "The guide cannot be read" in live.stale_reason


# -- updates that are tried again -------------------------------------------------------------


def test_an_update_stopped_by_a_full_disk_is_reported_and_tried_again(live, followed):
    tried = []

    def build() -> object:
        tried.append(live.stale_reason)
        if len(tried) < 3:
            raise OSError(28, "No space left on device")
        return followed.build()

    edit(followed, "# Dog\n\nA dog sits in the house.\n")
    with live.watch(replace(followed, build=build), every=0.1):
        wait_until(lambda: len(find_texts(live.assistant)) == 2)
        wait_until(lambda: live.stale_reason == "")
    assert tried[1].startswith("1 page changed since this index was built (1 added). The index")


def test_while_another_process_builds_the_index_its_result_is_awaited(live, followed):
    with generations.lock_for_writing(followed.index):
        edit(followed, "# Dog\n\nA dog sits in the house.\n")
        assert not live.update(followed)
        assert live.stale_reason == ""
    with live.watch(followed, every=PATIENCE):
        with generations.lock_for_writing(followed.index):
            edit(followed, "# Dog\n\nA dog sits on the road.\n")
            time.sleep(1.0)
        wait_until(lambda: "Dog\n\nA dog sits on the road." in find_texts(live.assistant))
        assert live.stale_reason == ""


# -- what is watched --------------------------------------------------------------------------


def count_watches() -> int:
    """Count the folders that this process watches."""
    descriptors = Path("/proc/self/fdinfo").iterdir()
    result = 0
    for path in descriptors:
        try:
            result += path.read_text().count("inotify wd:")
        except OSError:
            continue
    return result


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is watched")
def test_only_the_folders_that_are_read_are_watched(live, followed):
    for name in ("one", "two", "one/three"):
        (followed.corpus / name).mkdir()
    for name in ("node_modules", ".git", "site", "environment"):
        for number in range(9):
            (followed.corpus / name / str(number)).mkdir(parents=True)
    (followed.corpus / "mkdocs.yml").write_text("site_name: Animals\n")
    (followed.corpus / "environment" / "pyvenv.cfg").write_text("home = /usr\n")
    before = count_watches()
    with live.watch(followed, every=PATIENCE):
        wait_until(lambda: count_watches() > before)
        assert count_watches() - before == len(
            ["the guide", "one", "two", "one/three", "the index"]
        )


def test_a_page_in_a_folder_that_is_new_or_renamed_is_noticed(live, followed):
    with live.watch(followed, every=PATIENCE):
        new = followed.corpus / "new" / "deep"
        new.mkdir(parents=True)
        (new / "dog.md").write_text("# Dog\n\nA dog sits in the house.\n")
        wait_until(lambda: len(find_texts(live.assistant)) == 2)
        (followed.corpus / "new").rename(followed.corpus / "old")
        wait_until(lambda: "old/deep/dog.md" in live.assistant.index.store.page_paths())
        (followed.corpus / "old" / "deep" / "dog.md").write_text("# Dog\n\nOn the road.\n")
        wait_until(lambda: "Dog\n\nOn the road." in find_texts(live.assistant))
