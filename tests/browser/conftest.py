"""A browser for each file of browser tests: while one is open no other test can run a loop."""

from __future__ import annotations

import pytest

from assistant.live import Live
from assistant.settings import Settings


@pytest.fixture(scope="module")
def browser():
    from driving import CHROMIUM, FLAGS, sync_api

    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def origin(corpus_assistant, tmp_path_factory):
    """Where a server over the repository's guide answers."""
    from driving import serving

    journal = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    with serving(Live(corpus_assistant), Settings(journal=f"sqlite:///{journal}")) as found:
        yield found


@pytest.fixture
def visit(browser, origin):
    from driving import Visit

    opened = []

    def open_(**window):
        opened.append(Visit(browser, origin, **window))
        return opened[-1]

    yield open_
    for one in opened:
        one.context.close()
