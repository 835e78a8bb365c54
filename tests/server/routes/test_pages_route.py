"""Pages of the guide, the list of them, stored answers and errors, as a server sends them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from fastapi.testclient import TestClient
from opened import open_server

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.render import catalogue
from assistant.render.browse import MAX_HITS
from assistant.render.dates import format_date
from assistant.render.page_list import MAX_LISTED, MAX_ON_PAGE
from assistant.server.reload import LiveAssistant
from assistant.settings import Settings

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

ORIGIN = "http://127.0.0.1"
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ENGLISH = catalogue.choose_messages("en")
PAGES = {
    "index.md": "# Pottery\n\nHow we make pots.\n",
    "glazes/README.md": "# Glazes\n\nAll about glazes.\n",
    "glazes/celadon.md": "# Celadon\n\n## What is celadon?\n\nCeladon is a green glaze.\n",
    "firing/kiln.md": "# The kiln\n\n## How hot is the kiln?\n\nThe kiln has 1,250 degrees.\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, word_encoder):
    corpus, folder = tmp_path_factory.mktemp("pottery"), tmp_path_factory.mktemp("index")
    for path, text in PAGES.items():
        (corpus / path).parent.mkdir(exist_ok=True)
        (corpus / path).write_text(text, encoding="utf-8")
    builder.build_index(corpus, folder, word_encoder)
    return corpus, folder


@pytest.fixture(scope="module")
def live(place, word_encoder):
    return LiveAssistant(Assistant(indexes.open_index(place[1]), word_encoder))


@pytest.fixture(scope="module")
def server(place, live):
    journal = f"sqlite:///{place[1] / 'journal.sqlite'}"
    settings = Settings(corpus=place[0], index=place[1], journal=journal, title="Pots")
    return open_server(settings, live)


@pytest.fixture(scope="module")
def client(server) -> TestClient:
    return TestClient(server.app, base_url=ORIGIN, headers=BROWSER)


def links(page: str, below: str = "/guide/") -> list[str]:
    return [unescape(url) for url in re.findall(r'<a href="([^"]*)"', page) if below in url]


# -- all pages ------------------------------------------------------------------------------------


def test_all_pages_are_listed_by_folder_with_the_front_page_of_each_first(client):
    page = client.get("/pages").text
    assert links(page) == [
        "/guide/index.md",
        "/guide/firing/kiln.md",
        "/guide/glazes/README.md",
        "/guide/glazes/celadon.md",
    ]
    labels = re.findall(r'<p class="label"><span dir="auto">([^<]*)</span> <span>(\d+)', page)
    assert labels == [("Firing", "1"), ("Glazes", "2")]
    assert "4 pages" in page


def test_the_list_of_pages_is_in_the_language_of_its_reader(client):
    page = client.get("/pages", headers={"accept-language": "de"}).text
    assert '<html lang="de"' in page
    assert catalogue.choose_messages("de")("all_pages") in page


def test_a_search_shows_sections_with_the_words_marked_and_leads_into_the_reader(client):
    page = client.get("/pages", params={"q": "celadon"}).text
    assert "/guide/glazes/celadon.md#what-is-celadon" in links(page)
    assert "<mark>Celadon</mark> is a green glaze." in page
    assert page.count("<li>") <= MAX_HITS + 5
    assert 'value="celadon"' in page


@pytest.mark.parametrize("words", ['"><script>alert(1)</script>', "a" * 3000, "\x00\ud800 'x"])
def test_a_hostile_search_is_text(client, words):
    reply = client.get("/pages", params={"q": words.encode("utf-8", "replace")})
    assert reply.status_code in {200, 400, 413, 422}
    assert "<script>alert" not in reply.text


def test_pages_are_found_by_the_words_of_their_names(client):
    assert links(client.get("/pages/find", params={"q": "KILN"}).text) == ["/guide/firing/kiln.md"]
    assert links(client.get("/pages/find", params={"q": "nothing"}).text) == []


def test_pages_of_a_large_guide_stay_small(tmp_path, word_encoder):
    for number in range(3000):
        folder = tmp_path / "guide" / f"part-{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:04}.md").write_text(f"# Page number {number}\n\nClay.\n")
    builder.build_index(tmp_path / "guide", tmp_path / "index", word_encoder)
    assistant = Assistant(indexes.open_index(tmp_path / "index"), word_encoder)
    settings = Settings(corpus=tmp_path / "guide", index=tmp_path / "index")
    client = TestClient(open_server(settings, LiveAssistant(assistant)).app, ORIGIN)
    page = client.get("/guide/part-3/1501.md").text
    assert len(links(page)) <= MAX_LISTED
    assert len(page.encode()) < 40_000
    whole = client.get("/pages").text
    assert len(links(whole)) <= MAX_ON_PAGE
    assert len(whole.encode()) < 80_000
    listed = set(links(whole))
    waiting, visited = links(whole, "/pages?"), set()
    while waiting:
        url = waiting.pop()
        if url not in visited:
            visited.add(url)
            part = client.get(url).text
            assert len(part.encode()) < 80_000
            listed.update(links(part))
            waiting += links(part, "/pages?")
    assert len(listed) == 3000


# -- a page that is missing, and other errors -----------------------------------------------------


def test_a_missing_page_names_those_with_a_similar_name(client):
    reply = client.get("/guide/firing/kilns.md")
    assert reply.status_code == 404
    assert links(reply.text)[0] == "/guide/firing/kiln.md"
    assert ENGLISH("near_pages") in reply.text
    assert ENGLISH("near_pages") not in client.get("/guide/xyzzy.md").text


@pytest.mark.parametrize("path", ["/nothing", "/a/b/c", "/guide/../x", "/.env"])
def test_an_unknown_address_is_a_page_for_people_and_problem_details_for_programs(client, path):
    reply = client.get(path)
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert ENGLISH("error_nothing") in unescape(reply.text)
    assert 'href="/"' in reply.text
    for accept in ("application/json", "*/*", ""):
        plain = client.get(path, headers={"accept": accept})
        assert plain.headers["content-type"] == "application/problem+json"
        assert plain.json()["status"] == 404


def test_the_page_of_an_error_runs_and_loads_nothing_and_has_its_styles_inside(client):
    reply = client.get("/nothing")
    policy = reply.headers["content-security-policy"]
    nonce = re.search(r"style-src 'nonce-([^']+)'", policy)[1]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert f'<style nonce="{nonce}">' in reply.text
    assert "<script" not in reply.text
    assert "stylesheet" not in reply.text
    assert reply.headers["content-length"] == str(len(reply.content))


def test_a_reader_on_another_machine_learns_how_to_sign_in(server):
    elsewhere = TestClient(server.app, ORIGIN, client=("203.0.113.9", 5), headers=BROWSER)
    for path in ("/", "/pages", "/guide/index.md"):
        reply = elsewhere.get(path)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        shown = unescape(reply.text)
        assert ENGLISH("error_sign_in") in shown
        assert "assistant keys add" in shown
        assert "celadon" not in shown.lower()


def test_another_host_name_and_too_many_requests_are_pages_too(place, live):
    settings = Settings(corpus=place[0], index=place[1], rate=2)
    app = open_server(settings, live).app
    reply = TestClient(app, "http://other.example", headers=BROWSER).get("/")
    assert reply.status_code == 421
    assert ENGLISH("error_host") in unescape(reply.text)
    client = TestClient(app, ORIGIN, headers=BROWSER)
    replies = [client.get("/pages") for _ in range(20)]
    refused = next(reply for reply in replies if reply.status_code == 429)
    assert ENGLISH("error_too_many") in unescape(refused.text)
    assert int(refused.headers["retry-after"]) > 0


def test_head_of_an_error_has_the_length_of_its_page_and_no_body(client):
    reply = client.head("/nothing")
    assert reply.status_code == 404
    assert reply.content == b""
    assert int(reply.headers["content-length"]) > 1000


# -- a stored answer ------------------------------------------------------------------------------


def test_a_stored_answer_has_its_date_in_words_and_says_that_it_still_holds(client):
    name = client.post("/api/ask", json={"question": "What is celadon?"}).json()["id"]
    page = unescape(client.get(f"/a/{name}").text)
    today = format_date(datetime.now(UTC).date(), ENGLISH)
    assert ENGLISH("answered_on", date=today) in page
    assert f"<b>{ENGLISH('unchanged')}</b>" in page
    assert page.count('class="stamp') == 1


def test_a_stored_answer_says_where_the_guide_has_changed_since(tmp_path, word_encoder):
    corpus = tmp_path / "guide"
    corpus.mkdir()
    (corpus / "glaze.md").write_text(PAGES["glazes/celadon.md"])
    index, journal = tmp_path / "index", f"sqlite:///{tmp_path / 'journal.sqlite'}"
    settings = Settings(corpus=corpus, index=index, journal=journal)

    def opened() -> TestClient:
        builder.build_index(corpus, index, word_encoder)
        live = LiveAssistant(Assistant(indexes.open_index(index), word_encoder))
        return TestClient(open_server(settings, live).app, ORIGIN)

    name = opened().post("/api/ask", json={"question": "What is celadon?"}).json()["id"]
    (corpus / "glaze.md").write_text(PAGES["glazes/celadon.md"].replace("green", "blue"))
    changed = unescape(opened().get(f"/a/{name}").text)
    assert ENGLISH("changed") in changed
    assert "/guide/glaze.md#what-is-celadon" in changed
    (corpus / "glaze.md").write_text("# Other\n\nNothing of it.\n")
    removed = unescape(opened().get(f"/a/{name}").text)
    assert ENGLISH("removed") in removed
    assert ENGLISH("unchanged") not in removed


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "1 March 2026"),
        ("de", "1. März 2026"),
        ("fr", "1er mars 2026"),
        ("es", "1 de marzo de 2026"),
        ("pt", "1 de março de 2026"),
        ("ja", "2026年3月1日"),
        ("ar", "1 مارس 2026"),
    ],
)
def test_a_date_is_written_as_the_language_writes_it(language, written):
    day = datetime(2026, 3, 1, tzinfo=UTC).date()
    assert format_date(day, catalogue.choose_messages(language)) == written


# -- the description of the API -------------------------------------------------------------------


def test_the_page_of_the_api_loads_its_script_from_this_server_alone(client):
    page = client.get("/docs")
    sources = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert not [url for url in sources if "//" in url]
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    for name in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert f"/docs/{name}" in sources
        assert len(client.get(f"/docs/{name}").content) > 100_000
