"""What an attacker writes into a guide, a question or an address sets off nothing in a browser.

The same attacks are first held against pages that nothing defends, which tells how many of them
this harness would notice. `tests/durability/test_attacks.py` is the same with every payload.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from assistant.settings import Settings
from tests.browser import attacks, hostile
from tests.served import serving

pytestmark = [
    # Gradio asks pandas for an option that newer pandas announces to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'"),
    pytest.mark.skipif(
        not hostile.PAYLOADS.is_file(), reason=f"there are no payloads at {hostile.PAYLOADS}"
    ),
]
TOGETHER = 4


@pytest.fixture(scope="module")
def chosen() -> list[str]:
    return hostile.spread(hostile.payloads(), 48)


@pytest.fixture(scope="module")
def browser():
    with hostile.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, chosen, word_encoder):
    folder = tmp_path_factory.mktemp("attacked")
    with attacks.attacked(folder, chosen, TOGETHER, word_encoder) as result:
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


def test_pages_that_nothing_defends_are_noticed(browser, chosen):
    counts = attacks.undefended(browser, chosen[:40])
    assert counts["script"] >= 6
    assert counts["handler"] >= 9
    assert counts["address"] >= 6
    assert counts["foreign"] >= 1


def test_what_only_a_policy_stops_is_noticed_as_well(browser, chosen):
    counts = attacks.undefended(browser, chosen[:20], "?policy")
    assert counts["script"] == 0
    assert counts["attempt"] >= 12


def test_what_gets_into_the_chat_is_noticed(watch):
    watch.visit("/", "the chat")
    watch.page.locator("#ask:enabled").wait_for()
    put = "markup => document.getElementById('talk').innerHTML = markup"
    watch.page.evaluate(put, '<img src="//elsewhere.example" onerror="alert(1)"><a href="data:1">')
    watch.settle(100)
    assert {"handler", "attempt", "address", "foreign"} <= {
        finding.kind for finding in watch.taken()
    }


def test_a_hostile_guide_is_read_and_nothing_of_it_runs(watch, attacked):
    before = watch.clicks
    assert attacks.read_pages(watch, attacked.subjects) == []
    assert watch.clicks - before > 8 * len(attacked.subjects)
    assert watch.taken() == []


def test_a_hostile_guide_is_quoted_to_hostile_questions_and_nothing_of_them_runs(
    watch, attacked, answer_paths
):
    talked = attacks.ask_all(watch, attacked.subjects)
    answer_paths += talked.stored
    assert talked.amiss == []
    assert talked.quoted >= 0.9 * len(attacked.subjects)
    assert watch.taken() == []


def test_an_answer_s_own_page_runs_nothing_of_it(watch, answer_paths):
    assert answer_paths
    attacks.open_answers(watch, answer_paths[:8])
    assert watch.taken() == []


def test_an_address_asks_its_question_and_runs_nothing_of_it(watch, chosen):
    assert attacks.ask_by_address(watch, chosen[1:4]) == []
    assert watch.taken() == []


def test_a_hostile_title_is_a_title(watch, browser, attacked, chosen, tmp_path):
    settings = Settings(index=tmp_path, title=" ".join(chosen))
    with serving(attacked.live, settings) as origin:
        titled = hostile.Watch(browser, origin, taught_by=watch)
        titled.visit("/", "a title")
        titled.page.locator("#ask:enabled").wait_for()
        titled.settle(200)
        titled.visit("/guide/" + quote(attacked.subjects[0].path), "a title")
        titled.settle()
        assert titled.taken() == []
        titled.close()
