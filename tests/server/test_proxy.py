"""Test the chat behind nginx under a path: in a browser, with several readers, by its host names.

One server of nginx removes the path before it forwards a request, the other does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.nginx import find_free_ports, run_nginx
from tests.served import serve_assistant
from tests.serving import Reader, Readers

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

ROOT = "/help"
RATE = 5
AT_ONCE = 10  # requests allowed in one burst, however low the rate
PM_OR_PO = "how is a PM different from a PO?"
NAME = "help.example.org"
EVIL = "evil.example"

SERVERS = """
    server {{
        listen 127.0.0.1:{stripping};
        location {root}/ {{ proxy_pass http://127.0.0.1:{behind}/; }}
    }}
    server {{
        listen 127.0.0.1:{passing};
        location {root} {{ proxy_pass http://127.0.0.1:{behind}; }}
    }}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The ports of a server and of the two proxies before it."""

    behind: int
    stripping: int
    passing: int


@pytest.fixture(scope="module")
def place(tmp_path_factory, corpus_assistant):
    with serve_behind_nginx(tmp_path_factory, corpus_assistant, rate=0) as ports:
        yield ports


@pytest.fixture(scope="module")
def limited(tmp_path_factory, corpus_assistant):
    """Return the ports of a server with a low rate limit."""
    with serve_behind_nginx(tmp_path_factory, corpus_assistant, rate=RATE) as ports:
        yield ports


@contextlib.contextmanager
def serve_behind_nginx(tmp_path_factory, corpus_assistant, *, rate: int):
    """Run a server behind nginx."""
    home, folder = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("nginx")
    stripping, passing = find_free_ports(2)
    settings = {
        "root": ROOT,
        "trusted_proxies": "127.0.0.1",
        "rate": rate,
        "hosts": f"127.0.0.1,{NAME}",
        "anonymous": True,
    }
    with serve_assistant(corpus_assistant, home, **settings) as served:
        place = Place(served.port, stripping, passing)
        servers = SERVERS.format(
            root=ROOT, behind=place.behind, stripping=stripping, passing=passing
        )
        with run_nginx(folder, servers, passing) as error_log:
            yield place
        assert error_log.read_text(encoding="utf-8") == ""


# -- in a browser ---------------------------------------------------------------------------------


@pytest.mark.parametrize("proxy", ["stripping", "passing"])
def test_all_of_the_chat_works_under_a_path_behind_nginx(place, proxy):
    from tests.browser.driving import CHROMIUM, FLAGS, Visit, sync_api

    expect = sync_api.expect
    origin = f"http://127.0.0.1:{getattr(place, proxy)}"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        chat = Visit(browser, origin).load(f"{ROOT}/")
        chat.context.on("console", chat._hear)  # of the pages that are opened, too
        chat.context.grant_permissions(["clipboard-read", "clipboard-write"])
        round_trip = chat.ask(PM_OR_PO)
        quote = round_trip.locator("blockquote").first
        expect(quote).to_contain_text("A Product Owner is a role from the Scrum framework")

        round_trip.locator(".pill").first.click()
        with chat.context.expect_page() as opened:
            link = chat.page.get_by_role("link", name="Open in the guide")
            link.click(modifiers=["ControlOrMeta"])
        reader = opened.value
        reader.wait_for_load_state()
        assert reader.url.startswith(f"{origin}{ROOT}/guide/introduction.md?")
        expect(reader.locator("mark").first).to_be_in_viewport()
        (anchor,) = parse_qs(urlsplit(reader.url).query)["section"]
        expect(reader.locator(f'[id="{anchor}"]')).to_have_text("Product Manager vs. Product Owner")

        with chat.context.expect_page() as opened:
            round_trip.locator(".permalink").click(modifiers=["ControlOrMeta"])
        answer_page = opened.value
        answer_page.wait_for_load_state()
        assert re.fullmatch(rf"{origin}{ROOT}/a/[a-z2-7]{{16}}", answer_page.url)
        expect(answer_page.locator("blockquote").first).to_have_text(
            quote.inner_text(), use_inner_text=True
        )

        round_trip.get_by_role("button", name="Copy", exact=True).click()
        expect(round_trip.locator(".copy")).to_have_text("Copied")
        copied = chat.page.evaluate("navigator.clipboard.readText()")
        assert f"]({origin}{ROOT}/guide/introduction.md?section=" in copied

        round_trip.get_by_role("button", name="Yes", exact=True).click()
        expect(round_trip.locator(".opinion output")).to_have_text("Thank you.")

        answer_page.get_by_role("link", name="Ask it again").click()
        expect(answer_page.locator("#talk .exchange .asked")).to_have_text(PM_OR_PO)
        expect(answer_page.locator(".looking")).to_have_count(0)

        urls = {url for url in chat.requests if not url.startswith(("data:", "blob:"))}
        browser.close()
    assert len(urls) > 20
    assert {url for url in urls if not url.startswith(f"{origin}{ROOT}/")} == set()
    assert chat.complaints == []


# -- readers --------------------------------------------------------------------------------------


async def ask_many(reader: Reader, count: int, **headers: str) -> list[int]:
    """Ask `count` questions one after another and return their statuses.

    Check that a refusal says how long to wait.
    """
    statuses = []
    for number in range(count):
        named = {name.replace("_", "-"): value.format(number) for name, value in headers.items()}
        response = await reader.join("What is a product owner?", named)
        statuses.append(response.status)
        assert response.status == 200 or 1 <= int(response.headers["retry-after"]) <= 60 / RATE
    return statuses


@pytest.mark.parametrize("proxy", ["stripping", "passing"])
def test_readers_behind_nginx_have_limits_of_their_own(limited, proxy):
    first, second, third = (
        ("127.0.1.1", "127.0.1.2", "127.0.1.3")
        if proxy == "stripping"
        else ("127.0.2.1", "127.0.2.2", "127.0.2.3")
    )

    async def run():
        through = Readers(getattr(limited, proxy), ROOT)
        around = Readers(limited.behind, ROOT)
        async with through, around:
            reader = await through.reader(first)
            statuses = await ask_many(reader, AT_ONCE + 4)
            assert statuses[:AT_ONCE] == [200] * AT_ONCE
            assert statuses[-1] == 429
            assert await ask_many(await through.reader(second), 1) == [200]
            # A forged address changes nothing: nginx names the real one.
            forged = await ask_many(reader, 3, x_forwarded_for="198.51.100.{}")
            assert 429 in forged
            # Only nginx is trusted: a forged address gives no other limit and uses none up.
            direct = await around.reader(third)
            statuses = await ask_many(direct, AT_ONCE + 4, x_forwarded_for="198.51.100.{}")
            assert statuses[:AT_ONCE] == [200] * AT_ONCE
            assert statuses[-1] == 429
            direct = await around.reader(second)
            assert await ask_many(direct, 1, x_forwarded_for=first) == [200]

    asyncio.run(run())


# -- host names -----------------------------------------------------------------------------------

PATHS = (
    "/",
    "/guide/introduction.md",
    "/guide/introduction",
    "/guide/none",
    "/a/aaaaaaaaaaaaaaaa",
    "/none",
    "/chat",
    "/chat/chat.js",
    "/gradio_api/startup-events",
    "/healthz",
    f"//{EVIL}/..",
    "",
)
LIES = (
    {"x-forwarded-host": EVIL},
    {"x-forwarded-host": f"127.0.0.1, {EVIL}"},
    {"host": EVIL},
    {"host": f"127.0.0.1:1@{EVIL}"},
    {"host": f"127.0.0.1.{EVIL}:80"},
    {"forwarded": f"host={EVIL};proto=https"},
    {"x-forwarded-proto": f"https://{EVIL}/"},
    {"x-forwarded-prefix": f"//{EVIL}"},
    {"x-forwarded-port": f"80@{EVIL}"},
    {"x-forwarded-server": EVIL},
    {"x-original-url": f"//{EVIL}/"},
    {"origin": f"http://{EVIL}"},
    {"referer": f"http://{EVIL}/"},
)


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.3.1"], ids=["trusted", "stranger"])
@pytest.mark.parametrize("proxy", ["stripping", "passing", "behind"])
def test_no_response_repeats_a_forged_host_name(place, proxy, source):
    async def run():
        async with Readers(getattr(place, proxy), ROOT) as readers:
            connection = readers.connection(source)
            for lie in LIES:
                for path in PATHS:
                    response = await connection.request("GET", path, headers=lie)
                    statuses.append(response.status)
                    received = f"{response.headers} {response.body.decode()}".replace("\\", "")
                    if EVIL in path:
                        received = received.replace(path, "")
                    assert EVIL not in received, (lie, path)
            page = await connection.request("GET", "/")
            # The page does repeat the real name of the request.
            assert f"http://127.0.0.1:{readers.port}{ROOT}" in page.body.decode()

    statuses: list[int] = []
    asyncio.run(run())
    assert {200, 404} < set(statuses)


@pytest.mark.parametrize("proxy", ["stripping", "passing"])
def test_the_chat_knows_its_public_host_name_and_scheme(place, proxy):
    async def run():
        async with Readers(getattr(place, proxy), ROOT) as readers:
            return await readers.connection().request("GET", "/", headers={"host": NAME})

    async def run_behind():
        # As a proxy does that serves readers over TLS.
        forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": NAME}
        async with Readers(place.behind, ROOT) as readers:
            return await readers.connection().request("GET", "/", headers=forwarded)

    page = asyncio.run(run())
    assert page.status == 200
    assert f'"http://{NAME}{ROOT}"' in page.body.decode()
    page = asyncio.run(run_behind())
    assert f'"https://{NAME}{ROOT}"' in page.body.decode()
    assert "strict-transport-security" in page.headers
