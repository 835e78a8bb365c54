"""A browser for each file of browser tests: while one is open no other test can run a loop."""

from __future__ import annotations

import pytest

from assistant.server.reload import LiveAssistant
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
    from tests.served import serving

    journal = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    with serving(
        LiveAssistant(corpus_assistant), Settings(journal=f"sqlite:///{journal}")
    ) as result:
        yield result


@pytest.fixture(scope="module")
def window(browser, origin):
    """The window on the chat that the tests of a file share: its cache has all scripts."""
    from driving import Visit

    opened = Visit(browser, origin)
    yield opened
    opened.context.close()


@pytest.fixture
def visit(window):
    """Open the chat in a window of some kind: a page that is loaded anew is as a new page."""
    return window.load


@pytest.fixture(scope="module")
def wiki():
    """A site of somebody else's."""
    import hosts

    with hosts.site() as result:
        yield result


@pytest.fixture(scope="module")
def listed(tmp_path_factory, wiki):
    journal = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    return Settings(journal=f"sqlite:///{journal}", frames=(wiki.origin,))


@pytest.fixture(scope="module")
def help_(corpus_assistant, listed):
    """Where the server is that this site may show in a frame."""
    from tests.served import serving

    with serving(LiveAssistant(corpus_assistant), listed) as result:
        yield result


@pytest.fixture(scope="module")
def contexts(browser):
    """Readers' browsers by their kind; the tests of a file share them."""
    made = {}

    def one(*, width=1200, height=860, **kind):
        kind = {"locale": "en-GB", "reduced_motion": "reduce", **kind}
        name = (width, height, *sorted(kind.items()))
        if name not in made:
            made[name] = browser.new_context(viewport={"width": width, "height": height}, **kind)
            made[name].new_page()  # a context left without a page costs the next one a second
        return made[name]

    yield one
    for each in made.values():
        each.close()


@pytest.fixture
def guest(contexts):
    from visiting import Guest

    made = []

    def one(url, *, opened=True, **window):
        made.append(Guest(contexts(**window), url, opened=opened))
        return made[-1]

    yield one
    for each in made:
        each.leave()


@pytest.fixture
def guest_of(guest, wiki, help_):
    """A reader of a page of that site, whose script has the data given."""
    import hosts
    from visiting import script

    def one(head="", headers=None, window=None, **data):
        page = hosts.wiki(script(help_, **data), head, **(headers or {}))
        return guest(wiki.put(page), **(window or {}))

    return one
