"""Test every payload by itself; `tests/browser/test_hostile.py` tests a few."""

from __future__ import annotations

import pytest

from assistant.settings import Settings
from tests.browser import attacks, hostile
from tests.durability import scene
from tests.served import serving
from tests.sizes import LONG

pytestmark = [
    # Gradio asks pandas for an option that newer pandas announces to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'"),
    pytest.mark.skipif(
        not hostile.PAYLOADS.is_file(), reason=f"there are no payloads at {hostile.PAYLOADS}"
    ),
    pytest.mark.skipif(not LONG, reason="its short size is tests/browser/test_hostile.py"),
]
AT_ONCE = 100
"""Payloads of one title."""


@pytest.fixture(scope="module")
def payloads() -> list[str]:
    return hostile.payloads()


@pytest.fixture(scope="module")
def browser():
    with hostile.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, payloads, word_encoder):
    folder = tmp_path_factory.mktemp("attacked")
    with attacks.attacked(folder, payloads, 1, word_encoder) as result:
        yield result


@pytest.fixture(scope="module")
def watch(browser, attacked):
    watch = attacks.watched(browser, attacked.origin)
    yield watch
    watch.close()


@pytest.fixture(scope="module")
def answer_paths() -> list[str]:
    """Return a list that collects the paths of the stored answers."""
    return []


@pytest.mark.parametrize("query", ["", "?policy"])
def test_all_that_an_undefended_page_lets_happen_is_noticed(browser, payloads, query):
    counts = attacks.undefended(browser, payloads, query)
    scene.figures.info("%d payloads, undefended%s: %s", len(payloads), query, dict(counts))
    assert counts["handler"] > 400
    if query:
        assert counts["script"] == 0
        assert counts["attempt"] > 500
    else:
        assert counts["script"] > 250
        assert counts["foreign"] > 30


def test_every_page_of_a_hostile_guide_is_read_and_nothing_of_it_runs(watch, attacked):
    assert attacks.read_pages(watch, attacked.subjects) == []
    scene.figures.info("%d pages read, %d clicks", len(attacked.subjects), watch.clicks)
    assert watch.taken() == []


def test_every_hostile_question_is_answered_and_nothing_of_it_runs(watch, attacked, answer_paths):
    talked = attacks.ask_all(watch, attacked.subjects)
    answer_paths += talked.stored
    scene.figures.info("%d questions, %d quoted", len(attacked.subjects), talked.quoted)
    assert talked.amiss == []
    assert talked.quoted >= 0.9 * len(attacked.subjects)
    assert watch.taken() == []


def test_no_answer_s_own_page_runs_anything_of_it(watch, answer_paths):
    assert len(answer_paths) > 2000
    attacks.open_answers(watch, answer_paths)
    scene.figures.info("%d answers opened", len(answer_paths))
    assert watch.taken() == []


def test_an_address_asks_its_question_and_runs_nothing_of_it(watch, payloads):
    assert attacks.ask_by_address(watch, hostile.spread(payloads, 200)) == []
    assert watch.taken() == []


def test_every_payload_can_stand_in_a_title(watch, browser, attacked, payloads, tmp_path):
    for start in range(0, len(payloads), AT_ONCE):
        settings = Settings(index=tmp_path, title=" ".join(payloads[start : start + AT_ONCE]))
        with serving(attacked.live, settings) as origin:
            titled = hostile.Watch(browser, origin, taught_by=watch)
            titled.visit("/", f"title {start}")
            titled.page.locator("#ask:enabled").wait_for()
            titled.settle(200)
            titled.visit("/guide/none.md", f"title {start}")
            titled.settle()
            assert [finding for finding in titled.taken() if "404" not in finding.what] == []
            titled.close()
