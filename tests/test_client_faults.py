"""Servers that are no guide's, or refuse, or hang up, and addresses that are none: an error each.

What no guide's server does is done by one that says whatever a test wants.
"""

from __future__ import annotations

import io
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assistant.cli.main import main
from assistant.client import connect
from assistant.errors import ServerError, SettingsError


class Foreign(BaseHTTPRequestHandler):
    """Answers each request with what the test wants, and remembers who asked for what."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers), request, self.client_address))
        self.server.says(self)

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    """A client that leaves is no news."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture
def foreign():
    """Make a server that says something; its address is `url`, what it heard is `heard`."""
    made = []

    def make(says):
        server = Quiet(("127.0.0.1", 0), Foreign)
        server.says, server.received = says, []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.append((server, thread))
        return server

    yield make
    for server, thread in made:
        server.shutdown()
        thread.join()
        server.server_close()


ANSWER_FIELDS = {
    "id": "", "question": "q", "understood_as": "q", "other_readings": [], "found": False,
    "text": "", "confidence": 0.1, "citations": [], "resources": [], "related": [],
    "missing": [], "next_questions": [], "writer": "extractive", "degraded": [],
    "generation": "g", "seconds": 0.1,
}  # fmt: skip
ANSWER = json.dumps(ANSWER_FIELDS).encode()
PROBLEM = json.dumps({"status": 429, "detail": "Too much.", "hint": "Wait."}).encode()


def gives(handler) -> None:
    handler.say(200, ANSWER, Content_Type="application/json")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_an_error_and_the_key_goes_nowhere(foreign, status):
    other = foreign(gives)
    here = foreign(lambda handler: handler.say(status, Location=f"{other.url}/api/ask"))
    with connect(here.url, key="guide_secret") as guide, pytest.raises(ServerError) as raised:
        guide.ask("q")
    assert other.url in raised.value.message
    assert raised.value.hint
    assert other.received == []
    ((_, headers, _, _),) = here.received
    assert headers["Authorization"] == "Bearer guide_secret"


def test_where_no_key_is_given_none_is_sent(foreign):
    here = foreign(gives)
    with connect(here.url) as guide:
        assert guide.ask("q").question == "q"
    ((path, headers, request, _),) = here.received
    assert path == "/api/ask"
    assert "Authorization" not in headers
    assert json.loads(request) == {"question": "q", "history": []}


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_what_a_server_refuses_with_is_told_with_its_mend_and_when_to_ask_again(foreign, status):
    later = {"Retry_After": "7"} if status in {429, 503} else {}
    kind = {"Content_Type": "application/problem+json"}
    here = foreign(lambda handler: handler.say(status, PROBLEM, **kind, **later))
    with connect(here.url) as guide, pytest.raises(ServerError) as raised:
        guide.ask("q")
    assert (raised.value.message, raised.value.hint) == ("Too much.", "Wait.")
    assert raised.value.retry_after == (7 if later else None)


ODD = {
    "a page": (200, b"<title>Wiki</title>", "text/html"),
    "nothing": (200, b"", "application/json"),
    "half": (200, ANSWER[:50], "application/json"),
    "a list": (200, b"[]", "application/json"),
    "another thing": (200, b'{"hello": 1}', "application/json"),
    "an id alone": (200, b'{"id": ""}', "application/json"),
    "a broken promise": (
        200,
        json.dumps({**ANSWER_FIELDS, "found": True}).encode(),
        "application/json",
    ),
    "a problem without words": (500, b'{"detail": 1}', "application/problem+json"),
    "a proxy's page": (502, b"Bad Gateway", "text/plain"),
    "deep": (200, b"[" * 100_000, "application/json"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_answer_is_an_error_and_never_nothing_found(foreign, odd):
    status, body, kind = ODD[odd]
    here = foreign(lambda handler: handler.say(status, body, Content_Type=kind))
    with connect(here.url) as guide:
        for method in (guide.ask, guide.search):
            with pytest.raises(ServerError) as raised:
                method("q")
            assert here.url in raised.value.message
            assert raised.value.hint


def test_an_answer_without_end_is_given_up(foreign):
    def endless(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.wfile.write(ANSWER)
        while True:
            handler.wfile.write(b" " * 65536)

    with connect(foreign(endless).url) as guide, pytest.raises(ServerError):
        guide.ask("q")


def test_an_answer_that_is_cut_off_is_an_error(foreign):
    def cut(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(ANSWER[:20])
        handler.close_connection = True

    with connect(foreign(cut).url) as guide, pytest.raises(ServerError):
        guide.ask("q")


def test_a_server_that_says_nothing_is_given_up_after_a_while(foreign):
    left = threading.Event()
    here = foreign(lambda handler: left.wait(20))
    with connect(here.url, timeout=0.2) as guide, pytest.raises(ServerError) as raised:
        guide.ask("q")
    left.set()
    assert "nothing for 0.2 seconds" in raised.value.message


def test_where_nobody_listens_it_is_said_with_its_mend():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with connect(f"http://127.0.0.1:{port}") as guide, pytest.raises(ServerError) as raised:
        guide.ask("q")
    assert f"127.0.0.1:{port}" in raised.value.message
    assert "refused" in raised.value.message
    assert raised.value.exit_code == 3


# -- certificates ---------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that nobody has signed but itself, with its key."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    path = tmp_path / "certificate.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += " -subj /CN=guide -addext subjectAltName=IP:127.0.0.1"
    places = ["-keyout", str(path), "-out", str(tmp_path / "only.pem")]
    subprocess.run([openssl, *command.split(), *places], check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "only.pem").read_text())
    return path


def test_a_server_is_asked_where_its_certificate_is_trusted_and_else_told_nothing(
    foreign, certificate, monkeypatch
):
    here = foreign(gives)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    here.socket = context.wrap_socket(here.socket, server_side=True)
    url = here.url.replace("http:", "https:")
    with connect(url, key="guide_secret") as guide, pytest.raises(ServerError) as raised:
        guide.ask("q")
    assert "certificate" in raised.value.message
    assert here.received == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with connect(url, key="guide_secret") as guide:
        assert [guide.ask("q").question for _ in range(3)] == ["q"] * 3
    assert len({address for *_, address in here.received}) == 1


# -- connections ----------------------------------------------------------------------------------


def test_questions_one_after_the_other_share_a_connection(foreign):
    here = foreign(gives)
    with connect(here.url) as guide:
        for _ in range(20):
            guide.ask("q")
    assert len({address for *_, address in here.received}) == 1
    assert len(here.received) == 20


def test_a_connection_that_was_closed_meanwhile_is_opened_again(foreign):
    def gives_and_leaves(handler) -> None:
        gives(handler)
        handler.close_connection = True  # without a word of it

    here = foreign(gives_and_leaves)
    with connect(here.url) as guide:
        for _ in range(5):
            assert guide.ask("q").question == "q"
    assert len({address for *_, address in here.received}) == 5


def test_a_question_is_not_asked_for_ever_of_a_server_that_hangs_up(foreign):
    here = foreign(lambda handler: setattr(handler, "close_connection", True))
    with connect(here.url) as guide, pytest.raises(ServerError):
        guide.ask("q")
    assert len(here.received) == 1


# -- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("http://127.0.0.1:7860", "http://127.0.0.1:7860"),
        ("http://127.0.0.1:7860/help/", "http://127.0.0.1:7860/help"),
        ("https://help.example.org/a b/ü", "https://help.example.org/a%20b/%C3%BC"),
        ("HTTPS://Help.Example.org", "https://help.example.org"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("https://hilfe.bücher.example/", "https://hilfe.xn--bcher-kva.example"),
    ],
)
def test_an_address_is_taken_as_it_is_meant(text, place):
    assert str(connect(text).address) == place


@pytest.mark.parametrize(
    "text",
    [
        "", "help.example.org", "ftp://help.example.org", "http://", "http://a:b", "http://a:99999",
        "http://help.example.org/?q=1", "http://help.example.org/#top", "http://user:pw@a.example",
        "http://[::1", "http://" + "a" * 70 + ".example", "javascript:alert(1)", "/help",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_an_error_with_its_mend(text):
    with pytest.raises(SettingsError) as raised:
        connect(text)
    assert raised.value.hint
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize("key", ["a b", "a\r\nX-Injected: 1", "schlüssel", "\x00"])
def test_a_key_that_fits_in_no_header_is_an_error_which_does_not_tell_it(key):
    with pytest.raises(SettingsError) as raised:
        connect("http://127.0.0.1", key=key)
    assert key not in str(raised.value)
    assert raised.value.hint


# -- in the terminal ------------------------------------------------------------------------------


def test_a_talk_goes_on_after_what_may_be_asked_again_and_ends_at_what_may_not(
    foreign, capsys, monkeypatch
):
    def typed(url: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("q\nq\n\n"))
        with pytest.raises(SystemExit) as ended:
            main(["client", url])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    busy = foreign(
        lambda handler: (
            gives(handler)
            if len(handler.server.received) > 1
            else handler.say(429, PROBLEM, Content_Type="application/problem+json", Retry_After="1")
        )
    )
    code, out, err = typed(busy.url)
    assert code == 0
    assert "The guide does not answer this." in out
    assert "Too much.\nWait.\n" in err
    code, _, err = typed(foreign(lambda handler: handler.say(404)).url)
    assert code == 3
    assert "status 404" in err
