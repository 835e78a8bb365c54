"""The manual's recipes for other sites: every snippet of it in a page, and sites built with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import hosts
import pytest
from driving import sync_api
from visiting import Guest

from assistant.server.reload import LiveAssistant
from assistant.settings import Settings
from tests.conftest import ROOT
from tests.nginx import find_free_ports, run_nginx
from tests.served import serving

expect = sync_api.expect
PM_OR_PO = "how is a PM different from a PO?"

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

MANUAL = (ROOT / "docs" / "widget.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
HTML = [text for kind, text in BLOCKS if kind == "html"]


def only(kind: str) -> str:
    """The one block of a kind."""
    (result,) = (text for of, text in BLOCKS if of == kind)
    return result


def ours(text: str, help_: str) -> str:
    assert "https://help.example" in text
    return text.replace("https://help.example", help_)


def answers(reader) -> None:
    """Whichever way the guide is opened in a page, it answers."""
    expect(reader.page.locator("guide-assistant, iframe").first).to_be_attached()
    if reader.button.count():
        reader.open()
    elif reader.page.locator("a[href='#ask']").count():
        reader.page.locator("a[href='#ask']").first.click()
    frame = reader.page.frame_locator("iframe")
    frame.locator("#box").fill(PM_OR_PO)
    frame.locator("#box").press("Enter")
    expect(frame.locator("blockquote").first).to_be_visible()


@pytest.mark.parametrize("snippet", HTML, ids=range(len(HTML)))
def test_every_line_of_html_in_the_manual_works_as_it_stands(guest, wiki, help_, snippet):
    page = f"<!doctype html><html><body><h1>A wiki</h1>{ours(snippet, help_)}</body></html>"
    reader = guest(wiki.put(hosts.Page(page)))
    reader.page.wait_for_load_state("networkidle")
    answers(reader)
    assert reader.complaints == []


def test_the_script_for_wikis_whose_pages_hold_no_html_works(guest, wiki, help_):
    code = f"<script>{ours(only('javascript'), help_)}</script>"
    reader = guest(wiki.put(hosts.Page(f"<!doctype html><html><body>{code}</body></html>")))
    expect(reader.button).to_have_text("Ask the guide")
    answers(reader)
    assert reader.complaints == []


def test_the_link_for_wikis_without_scripts_asks_its_question(guest, help_):
    (url,) = re.findall(r"\((https://.*)\)", only("markdown"))
    reader = guest(ours(url, help_))
    expect(reader.page.locator("#talk .exchange .asked")).to_have_text("what should I read?")


def test_the_two_lines_of_a_policy_are_those_that_a_strict_page_is_tested_with():
    lines = re.search(r"^```\n(script-src .*)\n(frame-src .*)\n```$", MANUAL, re.MULTILINE)
    policy = hosts.strict("https://help.example")["Content_Security_Policy"]
    assert all(f"{line}; " in policy for line in lines.groups())


def test_the_settings_in_the_manual_are_settings():
    settings = Settings(**tomllib.loads(only("toml")))
    assert settings.frames == ("https://wiki.example",)
    assert settings.anonymous


def test_every_attribute_in_the_manual_is_one_that_the_script_reads():
    script = (ROOT / "assistant" / "server" / "static" / "widget.js").read_text(encoding="utf-8")
    named = set(re.findall(r"`data-(\w+)`", MANUAL))
    assert named == set(re.findall(r"\bdata\.(\w+)", script))


# -- sites built with it --------------------------------------------------------------------


def tool(name: str) -> str:
    beside = Path(sys.executable).parent  # not on the path of whoever names this Python
    result = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    if result is None:
        pytest.skip(f"{name} is not installed")
    return result


def run(*command: object) -> None:
    parts = [str(part) for part in command]
    done = subprocess.run(parts, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def published(guest, corpus_assistant, tmp_path):
    """Return a function that builds a site with our server's address, serves it and asks."""

    def ask_site(build, page: str) -> None:
        with hosts.folder(tmp_path / "site") as origin:
            settings = Settings(journal="off", frames=(origin,))
            with serving(LiveAssistant(corpus_assistant), settings) as help_:
                build(help_)
                reader = guest(f"{origin}/{page}")
                expect(reader.button).to_have_text("Ask the guide")
                answers(reader)
                assert [message for message in reader.complaints if "404" not in message] == []

    return ask_site


def build_mkdocs(folder: Path, help_: str) -> None:
    """Build a site of MkDocs by the recipe, into `site` in a folder."""
    (folder / "docs").mkdir()
    (folder / "overrides").mkdir()
    (folder / "docs" / "index.md").write_text("# Asking\n\n[Ask](#ask)\n")
    # Else the theme asks a host of its own for what colours code.
    theme = f"{only('yaml')}  highlightjs: false\n"
    (folder / "mkdocs.yml").write_text(f"site_name: A wiki\n{theme}")
    (folder / "overrides" / "main.html").write_text(ours(only("jinja"), help_))
    config = folder / "mkdocs.yml"
    run(tool("mkdocs"), "build", "-q", "--config-file", config, "--site-dir", folder / "site")


def test_a_site_of_mkdocs_built_by_the_recipe_answers(published, tmp_path):
    published(partial(build_mkdocs, tmp_path), "index.html")


SIGNED_IN = """
    server {{
        listen 127.0.0.1:{port};
        root {site};
        auth_basic "The wiki";
        auth_basic_user_file {users};
        location /help/ {{
            # One header here, and none of those further up holds any more.
            proxy_set_header Remote-User $remote_user;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header Connection "";
            proxy_pass http://127.0.0.1:{behind}/;
        }}
    }}
"""


def test_a_site_of_mkdocs_whose_proxy_signs_readers_in_answers_them_and_nobody_else(
    browser, corpus_assistant, tmp_path
):
    (port,) = find_free_ports(1)
    origin, users = f"http://127.0.0.1:{port}", tmp_path / "users"
    users.write_text("ann:{PLAIN}lantern\n", encoding="utf-8")
    build_mkdocs(tmp_path, f"{origin}/help")
    settings = Settings(
        journal="off", root="/help", trusted_proxies="127.0.0.1", user_header="Remote-User"
    )
    with serving(LiveAssistant(corpus_assistant), settings) as behind:
        servers = SIGNED_IN.format(
            port=port, site=tmp_path / "site", users=users, behind=urlsplit(behind).port
        )
        with run_nginx(tmp_path, servers, port):
            ann = {"username": "ann", "password": "lantern"}
            context = browser.new_context(http_credentials=ann, reduced_motion="reduce")
            reader = Guest(context, f"{origin}/index.html")
            answers(reader)
            spoofed = {"Remote-User": "ann", "Accept": "text/html"}
            strangers = browser.new_context(extra_http_headers=spoofed).request
            assert strangers.get(f"{origin}/help/").status == 401
            nobody = browser.new_context(extra_http_headers={"Accept": "text/html"}).request
            past = nobody.get(f"{behind}/")
            assert past.status == 401
            assert "open only to readers who are signed in" in past.text()
            reader.leave()
            context.close()


def test_a_site_of_sphinx_built_by_the_recipe_answers(published, tmp_path):
    sphinx = tool("sphinx-build")

    def build(help_: str) -> None:
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "index.rst").write_text("Asking\n======\n\nIn the guide.\n")
        (tmp_path / "docs" / "conf.py").write_text(ours(only("python"), help_))
        run(sphinx, "-q", "-b", "html", tmp_path / "docs", tmp_path / "site")

    published(build, "index.html")
