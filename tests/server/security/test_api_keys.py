"""Test API keys in their file and on the command line."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import re
import shlex
import stat
import threading

import pytest

from assistant import settings
from assistant.cli.main import main
from assistant.errors import EXIT_STATE, EXIT_USAGE, ApiKeyError, ApiKeysUnusable
from assistant.server.lifecycle import startup_notices
from assistant.server.security.api_keys import KEY_PREFIX, SCOPES, ApiKeys
from tests.conftest import ROOT
from tests.examples import commands

TOKEN = re.compile(rf"{KEY_PREFIX}[A-Za-z0-9_-]{{43}}")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "index" / "keys.json"


@pytest.fixture
def keys(path) -> ApiKeys:
    return ApiKeys(path)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_INDEX", "index")

    def run_command(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exited:
            main(["keys", *arguments])
        captured = capsys.readouterr()
        return int(exited.value.code or 0), captured.out, captured.err

    return run_command


# A key


def test_only_the_exact_key_is_found(keys):
    token = keys.add("ann")
    assert TOKEN.fullmatch(token)
    assert keys.find(token).name == "ann"
    digest = hashlib.sha256(token.encode()).hexdigest()
    for other in (
        token[:-1],
        token + "A",
        token.swapcase(),
        token.removeprefix(KEY_PREFIX),
        digest,
    ):
        assert keys.find(other) is None
    for odd in ("", " ", "\0", "\ud800", "ann", "ä" * 100_000):
        assert keys.find(odd) is None


def test_no_two_keys_are_alike(keys):
    assert len({keys.add(f"reader {n}") for n in range(20)}) == 20


def test_the_file_holds_digests_and_no_key_and_only_its_owner_may_read_it(keys, path):
    token = keys.add("ann", ["feedback", "read", "read"])
    text = path.read_text()
    assert token not in text
    assert token.removeprefix(KEY_PREFIX) not in text
    (stored,) = json.loads(text)["keys"]
    assert stored["sha256"] == hashlib.sha256(token.encode()).hexdigest()
    assert stored["scopes"] == ["read", "feedback"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", stored["added"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(one.name for one in path.parent.iterdir()) == ["keys.json", "keys.json.lock"]


def test_a_file_that_others_may_read_is_closed_to_them_by_the_next_change(keys, path):
    keys.add("ann")
    path.chmod(0o644)
    keys.add("bob")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_allows_its_scopes_and_admin_allows_all(keys, scope):
    key = keys.find(keys.add("ann", [scope]))
    allowed = {other for other in SCOPES if key.allows(other)}
    assert allowed == (set(SCOPES) if scope == "admin" else {scope})


def test_a_key_has_the_scope_read_by_default(keys):
    assert keys.find(keys.add("ann")).scopes == ("read",)


def test_keys_are_listed_in_the_order_they_were_made_in(keys):
    for name in ("zoe", "ann", "Bob"):
        keys.add(name)
    assert [key.name for key in keys.list_keys()] == ["zoe", "ann", "Bob"]


def test_a_revoked_key_is_refused_and_the_others_are_not(keys):
    ann, bob = keys.add("ann"), keys.add("bob")
    keys.revoke("ann")
    assert keys.find(ann) is None
    assert keys.find(bob).name == "bob"
    keys.revoke("bob")
    assert keys.list_keys() == ()


def test_a_name_that_was_revoked_may_be_used_again_and_its_old_key_stays_refused(keys):
    old = keys.add("ann")
    keys.revoke("ann")
    new = keys.add("ann")
    assert keys.find(old) is None
    assert keys.find(new)


def test_a_change_by_another_process_takes_effect_at_once(path):
    here, there = ApiKeys(path), ApiKeys(path)
    assert here.list_keys() == ()
    for _ in range(20):  # changes may fall within one clock tick and keep the file size
        old = there.add("ann")
        assert here.find(old)
        there.revoke("ann")
        new = there.add("ann")
        assert here.find(old) is None
        assert here.find(new)
        there.revoke("ann")


# Invalid names and scopes


@pytest.mark.parametrize(
    "name",
    ["", " ", " ann", "ann ", "a" * 61, "a\nb", "a\tb", "a\0", "\u202eann", "\udcff", "a\u00a0b"],
)
def test_a_name_that_does_not_fit_one_line_is_refused(keys, path, name):
    with pytest.raises(ApiKeyError, match="Name who it is for") as refused:
        keys.add(name)
    assert refused.value.exit_code == EXIT_USAGE
    str(refused.value).encode()
    assert not path.exists()


@pytest.mark.parametrize(
    "name", ["a", "a" * 60, "the wiki's robot", "Łukasz 猫", "-x", "../../etc"]
)
def test_any_other_name_is_accepted(keys, path, name):
    assert keys.find(keys.add(name)).name == name
    keys.revoke(name)
    assert sorted(one.name for one in path.parent.iterdir()) == ["keys.json", "keys.json.lock"]


def test_a_name_is_used_once(keys):
    token = keys.add("ann")
    with pytest.raises(ApiKeyError, match="already"):
        keys.add("ann", ["admin"])
    assert keys.find(token).scopes == ("read",)


@pytest.mark.parametrize("scopes", [["root"], ["read", "Admin"], [], [""]])
def test_an_unknown_scope_is_refused_with_the_list_of_scopes(keys, scopes):
    with pytest.raises(ApiKeyError, match="read, feedback, admin"):
        keys.add("ann", scopes)
    assert keys.list_keys() == ()


def test_an_unknown_key_cannot_be_revoked(keys):
    keys.add("ann")
    with pytest.raises(ApiKeyError, match="The keys are: ann"):
        keys.revoke("Ann")


# The file


ONE = {"name": "a", "scopes": ["read"], "added": "", "sha256": "0" * 64}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"keys": null}',
        '{"keys": {"a": 1}}',
        '{"keys": "all"}',
        '{"keys": [1]}',
        "[" * 100_000,
        "\0",
        json.dumps({"keys": [{**ONE, "scopes": ["root"]}]}),
        json.dumps({"keys": [{**ONE, "scopes": "read"}]}),
        json.dumps({"keys": [{**ONE, "scopes": [["read"]]}]}),
        json.dumps({"keys": [{**ONE, "sha256": None}]}),
        json.dumps({"keys": [{"name": "a"}]}),
    ],
)
def test_a_damaged_file_is_an_error_with_a_hint_and_is_not_overwritten(keys, path, text):
    token = keys.add("ann")
    assert keys.find(token)
    path.write_text(text)
    attempts = (
        keys.list_keys,
        lambda: keys.find(token),
        lambda: keys.add("b"),
        lambda: keys.revoke("ann"),
    )
    for attempt in attempts:
        with pytest.raises(ApiKeysUnusable, match="Restore it, or remove it") as refused:
            attempt()
        assert refused.value.exit_code == EXIT_STATE
        assert str(path) in refused.value.message
    assert path.read_text() == text


def test_a_file_that_is_no_text_or_no_file_is_an_error(keys, path):
    keys.add("ann")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ApiKeysUnusable):
        keys.list_keys()
    path.unlink()
    path.mkdir()
    with pytest.raises(ApiKeysUnusable, match="the setting keys"):
        keys.list_keys()
    with pytest.raises(ApiKeysUnusable):
        keys.add("bob")


def test_a_repaired_file_is_read_again(keys, path):
    token = keys.add("ann")
    text = path.read_text()
    path.write_text("{")
    with pytest.raises(ApiKeysUnusable):
        keys.find(token)
    path.write_text(text)
    assert keys.find(token).name == "ann"


def test_a_missing_file_means_no_keys(keys, path):
    token = keys.add("ann")
    path.unlink()
    assert keys.find(token) is None
    assert keys.list_keys() == ()


def test_a_folder_that_cannot_be_created_is_an_error_with_a_hint(tmp_path):
    (tmp_path / "file").write_text("")
    keys = ApiKeys(tmp_path / "file" / "keys.json")
    for attempt in (keys.list_keys, lambda: keys.add("ann")):
        with pytest.raises(ApiKeysUnusable, match="name another file"):
            attempt()


def add_many(path, who: str, begin) -> None:
    begin.wait()
    for n in range(15):
        ApiKeys(path).add(f"{who} {n}")


def test_processes_and_threads_that_add_at_once_lose_nothing(path):
    context = multiprocessing.get_context("spawn")
    begin = context.Event()
    workers = [context.Process(target=add_many, args=(path, f"p{n}", begin)) for n in range(2)]
    workers += [threading.Thread(target=add_many, args=(path, f"t{n}", begin)) for n in range(2)]
    for worker in workers:
        worker.start()
    begin.set()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers[:2]] == [0, 0]
    assert {key.name for key in ApiKeys(path).list_keys()} == {
        f"{who} {n}" for who in ("p0", "p1", "t0", "t1") for n in range(15)
    }
    assert sorted(one.name for one in path.parent.iterdir()) == ["keys.json", "keys.json.lock"]


def test_a_reader_sees_a_complete_file_during_a_write(path):
    reading, writing = ApiKeys(path), ApiKeys(path)
    token = writing.add("ann")
    ended = threading.Event()

    def write():
        for n in range(60):
            writing.add(f"reader {n}")
        ended.set()

    thread = threading.Thread(target=write)
    thread.start()
    looks = 0
    while not ended.is_set() or looks < 10:
        assert reading.find(token).name == "ann"
        looks += 1
    thread.join()


# The command line


def test_only_the_key_is_printed_to_standard_output_and_only_once(run, tmp_path):
    code, out, err = run("add", "ann", "--scope", "read", "--scope", "feedback")
    assert code == 0
    token = out.removesuffix("\n")
    assert TOKEN.fullmatch(token)
    assert token not in err
    assert "cannot be shown again" in err
    (key,) = ApiKeys(tmp_path / "index" / "keys.json").list_keys()
    assert (key.name, key.scopes) == ("ann", ("read", "feedback"))
    for words in (run("list"), run("list", "--json")):
        assert token not in words[1] + words[2]


def test_keys_are_listed_with_what_they_allow_and_never_their_digests(run, tmp_path):
    run("add", "ann")
    run("add", "the robot", "--scope", "admin")
    first, second = ApiKeys(tmp_path / "index" / "keys.json").list_keys()
    code, out, err = run("list")
    assert (code, err) == (0, "")
    assert out == f"{first.added}  ann  (read)\n{second.added}  the robot  (admin)\n"
    code, out, err = run("list", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "keys": [
            {"name": "ann", "scopes": ["read"], "added": first.added},
            {"name": "the robot", "scopes": ["admin"], "added": second.added},
        ]
    }


def test_an_empty_list_of_keys_has_a_hint(run):
    assert run("list", "--json")[:2] == (0, '{\n  "keys": []\n}\n')
    code, out, err = run("list")
    assert (code, out) == (0, "")
    assert "assistant keys add" in err


def test_a_revoked_key_is_not_listed(run):
    run("add", "ann")
    code, out, err = run("revoke", "ann")
    assert (code, out) == (0, "")
    assert "ann" in err
    assert run("list", "--json")[1] == '{\n  "keys": []\n}\n'


def test_the_key_file_is_the_configured_one(run, monkeypatch, tmp_path):
    monkeypatch.setenv("ASSISTANT_KEYS", str(tmp_path / "elsewhere" / "k.json"))
    assert run("add", "ann")[0] == 0
    assert (tmp_path / "elsewhere" / "k.json").exists()
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("add", "ann"), EXIT_USAGE, "There is a key named ann already.", "Revoke it"),
        (
            ("add", "b", "--scope", "root"),
            EXIT_USAGE,
            "There is no scope root.",
            "read, feedback, admin",
        ),
        (("add", " "), EXIT_USAGE, "An API key cannot be named ' '.", "Name who it is for"),
        (("revoke", "bob"), EXIT_USAGE, "There is no key named bob.", "The keys are: ann."),
        (("add",), EXIT_USAGE, "Missing argument", "--help"),
        (("revoke",), EXIT_USAGE, "Missing argument", "--help"),
        (("lend", "ann"), EXIT_USAGE, "lend", "--help"),
    ],
)
def test_an_error_is_two_lines_the_message_and_the_hint(run, arguments, code, message, hint):
    run("add", "ann")
    result, out, err = run(*arguments)
    first, second = err.splitlines()
    assert (result, out) == (code, "")
    assert message in first
    assert hint in second


def test_a_damaged_file_is_a_state_error(run, tmp_path):
    run("add", "ann")
    (tmp_path / "index" / "keys.json").write_text("{")
    for arguments in (("list",), ("add", "bob"), ("revoke", "ann")):
        code, out, err = run(*arguments)
        assert (code, out) == (EXIT_STATE, "")
        assert "is not a file of API keys" in err
        assert "Restore it, or remove it and make the keys anew." in err


# docs/keys.md


PAGE = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page_print_what_it_shows(run):
    (block,) = blocks("console")
    shown = commands(block)
    assert len(shown) == 4
    for command, output in shown:
        code, out, _ = run(*shlex.split(command)[2:])
        expected = re.escape(output).replace("…", r"\S+")
        assert code == 0
        assert re.fullmatch(expected, out.rstrip("\n"))


def test_the_settings_of_the_page_are_valid(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    anyone, signed_in, untrusting = blocks("toml")
    (tmp_path / "assistant.toml").write_text(anyone)
    assert settings.load_settings().anonymous
    (tmp_path / "assistant.toml").write_text(signed_in)
    keys = ApiKeys(tmp_path / "keys.json")
    assert startup_notices(settings.load_settings(host="0.0.0.0"), keys) == ()
    (tmp_path / "assistant.toml").write_text(untrusting)
    assert "trust_loopback is off" in startup_notices(settings.load_settings(), keys)[0]


def test_the_page_names_every_scope():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(SCOPES)
