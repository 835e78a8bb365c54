"""No requested path and no link in a guide leads out of the guide's folder."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from opened import open_server

from assistant.assistant import Assistant
from assistant.errors import GuideError, VerifyError
from assistant.guide.folder import read_guide
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import list_files
from assistant.index import builder, index
from assistant.server.reload import LiveAssistant
from assistant.settings import Settings
from assistant.verify import verify_saved_answer
from tests.conftest import SHARED, WordEncoder
from tests.sizes import LONG

SECRET = "The password is swordfish."
PASSWORDS = "root:"


# {FILE} is the secret's path from the root of the file system.
FORMS = (
    """../secret.md|../../secret.md|./../secret.md|pages/../../secret.md|../guide/cat.md
/{FILE}|//{FILE}|///{FILE}|../../../../../../../../../../{FILE}|....//....//secret.md
..%2fsecret.md|%2e%2e/secret.md|%2e%2e%2fsecret.md|..%252fsecret.md|%252e%252e%252fsecret.md
..%c0%afsecret.md|..%5csecret.md|..\\secret.md|\\..\\secret.md|cat.md/../../secret.md
../secret.md%00|../secret.md%00.md|cat.md%00|%00../secret.md|../secret.md?x|../secret.md#x
file:///{FILE}|file:/{FILE}|~/secret.md|~root/secret.md|linked.md|folder/secret.md|loop/secret.md
.|..|/|//|../|./|.../secret.md|..;/secret.md|..//secret.md|/etc/passwd|../../../../../../etc/passwd
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """A guide of two pages beside a secret, with links to it of every kind."""
    world = tmp_path_factory.mktemp("world")
    folder = world / "guide"
    (folder / "pages").mkdir(parents=True)
    (world / "secret.md").write_text(SECRET)
    (folder / "cat.md").write_text("# The cat\n\nThe cat of the year was called Tom.\n")
    (folder / "pages" / "dog.md").write_text("# The dog\n\nThe dog of the year was called Rex.\n")
    (folder / "linked.md").symlink_to(world / "secret.md")
    (folder / "relative.md").symlink_to("../secret.md")
    (folder / "twice.md").symlink_to("linked.md")
    (folder / "folder").symlink_to(world)
    (folder / "pages" / "up").symlink_to("../..")
    (folder / "through.md").symlink_to("pages/up/secret.md")
    (folder / "passwords.md").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to("loop")
    return folder


def forms(corpus: Path) -> list[str]:
    """Ways to write a path that leads out, of ours and of the shared list where there is one."""
    listed = SHARED / "security" / "traversal.txt"
    shared = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    secret = str(corpus.parent.resolve() / "secret.md").lstrip("/")
    return [form.replace("{FILE}", secret) for form in FORMS + shared[:: 1 if LONG else 8]]


def written(form: str) -> set[str]:
    """A form as it stands, decoded once and decoded twice."""
    return {form, unquote(form), unquote(unquote(form))}


@pytest.fixture(scope="module")
def folder(corpus, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    builder.build_index(corpus, folder, WordEncoder())
    return folder


def test_walking_a_guide_follows_no_link_out_of_it(corpus):
    assert list(list_files(corpus).paths) == ["cat.md", "pages/dog.md"]


def test_a_folder_of_links_written_in_every_way_gives_no_page(corpus, tmp_path):
    guide = tmp_path / "guide"
    guide.mkdir()
    (tmp_path / "secret.md").write_text(SECRET)
    (guide / "cat.md").write_text("# The cat\n\nOpen.\n")
    for number, form in enumerate(forms(corpus)):
        if form and "\0" not in form and len(os.fsencode(form)) < 1000:
            (guide / f"{number}.md").symlink_to(form)
    read = [page.text for page in read_guide(guide).pages]
    assert set(read) == {"# The cat\n\nOpen.\n"}


def test_reading_a_page_by_a_path_that_leads_out_is_refused(corpus):
    """Links are left to the walk, which is where paths come from."""
    reading = ReadingOptions()
    outside = {path for form in forms(corpus) for path in written(form)} - {"linked.md"}
    for path in sorted(path for path in outside if not path.startswith("folder/")):
        with pytest.raises(GuideError):
            read_page(corpus, path, reading_options=reading)


def test_an_answer_that_cites_a_path_outside_is_not_verified(corpus, folder):
    answer = (
        Assistant(index.open_index(folder), WordEncoder()).ask("What was the cat called?").to_dict()
    )
    assert verify_saved_answer(answer, corpus, folder) == 1
    for form in forms(corpus):
        for path in written(form):
            citations = [{**citation, "path": path} for citation in answer["citations"]]
            with pytest.raises(VerifyError):
                verify_saved_answer({**answer, "citations": citations}, corpus, folder)


def get(app, path: str) -> tuple[int, str]:
    """The status and body of a request, its path sent as it stands: no client changes it first."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET"}
    scope |= {
        "scheme": "http",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "state": {},
    }
    scope |= {"server": ("localhost", 80), "client": ("localhost", 1)}
    scope |= {"path": path, "raw_path": path.encode("utf-8", "surrogateescape")}
    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def app(folder):
    live = LiveAssistant(Assistant(index.open_index(folder), WordEncoder()))
    return open_server(Settings(index=folder, journal="off"), live).app


@pytest.mark.parametrize("route", ["/guide/", "/chat/"])
def test_the_server_gives_out_no_file_by_a_path_that_leads_out(app, corpus, route):
    for form in forms(corpus):
        for path in written(form):
            status, body = get(app, route + path)
            assert status in {400, 404, 405, 307}, path
            assert SECRET not in body
            assert PASSWORDS not in body


def test_the_server_gives_out_the_guide_s_own_pages(app):
    for path in ("cat.md", "pages/dog.md"):
        status, body = get(app, "/guide/" + quote(path))
        assert status == 200
        assert "of the year" in body
