"""What an attacker writes into a guide, a question or an address sets off nothing in a browser.

The same attacks are first held against pages that nothing defends, which tells how many of them
this harness would notice. `tests/torture/test_attacks.py` is the same with every payload there is.
"""

from __future__ import annotations

import pytest

from assistant import building
from assistant import index as indexes
from assistant.ask import Assistant
from assistant.live import Live
from assistant.settings import Settings
from tests.browser import hostile
from tests.browser.driving import serving

pytestmark = [
    # Gradio asks pandas for an option that newer pandas announces to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'"),
    pytest.mark.skipif(
        not hostile.PAYLOADS.is_file(), reason=f"there are no payloads at {hostile.PAYLOADS}"
    ),
]
TOGETHER = 2


@pytest.fixture(scope="module")
def chosen() -> list[str]:
    return hostile.spread(hostile.payloads(), 80)


@pytest.fixture(scope="module")
def browser():
    with hostile.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, chosen, word_encoder):
    """A hostile guide, and where a server over it answers."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "guide").mkdir()
    subjects = hostile.write_guide(folder / "guide", chosen, TOGETHER)
    building.build(folder / "guide", folder / "index", word_encoder)
    live = Live(Assistant(indexes.open(folder / "index"), word_encoder))
    with serving(live, Settings(index=folder / "index", title="A hostile guide")) as origin:
        yield subjects, origin, live


@pytest.fixture(scope="module")
def watch(browser, attacked):
    watch = hostile.Watch(browser, attacked[1])
    watch.learn()
    watch.learn("/")
    yield watch
    watch.close()


@pytest.fixture(scope="module")
def kept() -> list[str]:
    """Where the answers are kept that the chat gave."""
    return []


def test_pages_that_nothing_defends_are_noticed(browser, chosen):
    counts = hostile.attack_undefended(browser, chosen)
    assert counts["script"] >= 8
    assert counts["handler"] >= 12
    assert counts["address"] >= 10
    assert counts["foreign"] >= 3


def test_what_only_a_policy_stops_is_noticed_as_well(browser, chosen):
    counts = hostile.attack_undefended(browser, chosen[:30], "?policy")
    assert counts["script"] == 0
    assert counts["attempt"] >= 15


def test_a_hostile_guide_is_read_and_nothing_of_it_runs(watch, attacked):
    subjects, *_ = attacked
    assert hostile.read_pages(watch, subjects) == []
    assert watch.clicks > 10 * len(subjects)
    assert watch.taken() == []


def test_a_hostile_guide_is_quoted_to_hostile_questions_and_nothing_of_them_runs(
    watch, attacked, kept
):
    subjects, *_ = attacked
    talked = hostile.ask_all(watch, subjects)
    kept += talked.kept
    assert talked.amiss == []
    assert talked.quoted >= 0.9 * len(subjects)
    assert watch.taken() == []


def test_an_answer_s_own_page_runs_nothing_of_it(watch, kept):
    assert kept
    hostile.open_answers(watch, kept)
    assert watch.taken() == []


def test_an_address_asks_its_question_and_runs_nothing_of_it(watch, chosen):
    assert hostile.ask_by_address(watch, chosen[1:6]) == []
    assert watch.taken() == []


def test_a_hostile_title_is_a_title(watch, browser, attacked, chosen, tmp_path):
    _, _, live = attacked
    title = " ".join(chosen)
    with serving(live, Settings(index=tmp_path, title=title)) as origin:
        titled = hostile.Watch(browser, origin, taught_by=watch)
        titled.visit("/")
        titled.page.locator("#ask:enabled").wait_for()
        titled.settle(200)
        titled.visit("/guide/none")
        titled.settle()
        assert titled.taken() == []
        titled.close()
