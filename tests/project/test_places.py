"""A pipe, folder or device in the place of a file is an error that names it; nothing hangs."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant import files
from assistant.cli.main import main
from assistant.encoders import select as encoder_selection
from assistant.errors import IndexDamaged
from assistant.index import builder
from assistant.index import index as indexes
from assistant.retrieval.answerability import read_threshold
from assistant.server.security.api_keys import ApiKeys
from tests.small_guides import copy_introduction

DEADLINE = 60


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """Fail a test that waits for a pipe that nobody writes to."""

    def late(*_: object) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(DEADLINE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def link_to_nothing(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS = pytest.mark.parametrize("make", [pipe, folder, link_to_nothing], ids=lambda m: m.__name__)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Type a command in an empty folder: (exit code, standard output, lines of error)."""
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: object) -> tuple[int, str, list[str]]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err.splitlines()

    return typed


@KINDS
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("assistant.toml", ["keys", "list"]),
        ("answer.json", ["verify", "answer.json"]),
        ("batch.jsonl", ["ask", "--batch", "batch.jsonl"]),
        ("dataset.jsonl", ["calibrate", "--questions", "dataset.jsonl"]),
        ("goals.toml", ["eval", ".", "--goals", "goals.toml"]),
        ("queries.jsonl", ["eval", "."]),
        ("questions.jsonl", ["eval", "."]),
        ("keys.json", ["keys", "list", "--index", "."]),
        ("keys.json", ["keys", "add", "ann", "--index", "."]),
        ("keys.json", ["keys", "revoke", "ann", "--index", "."]),
        ("journal.sqlite", ["feedback", "--index", "."]),
        ("journal.sqlite", ["forget", "--match", "x", "--yes", "--index", "."]),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_command_names_a_path_that_is_no_file(run, tmp_path, make, name, command):
    make(tmp_path / name)
    code, out, err = run(*command)
    assert code in {2, 3}
    assert out == ""
    assert len(err) == 2, err
    assert name in err[0] or "/dev/zero" in err[0]


@KINDS
@pytest.mark.parametrize("name", ["CURRENT", "calibration.json"])
def test_an_index_names_the_path_that_is_no_file(run, tmp_path, encoder, corpus_index, make, name):
    index = tmp_path / "index"
    shutil.copytree(corpus_index, index)
    (index / name).unlink(missing_ok=True)
    make(index / name)
    if name == "CURRENT":  # the newest generation answers, with a warning
        assert name in indexes.open_index(index).warning
        code, out, _ = run("ask", "what is a KPI?", "--index", index)
        assert (code, bool(out)) == (0, True)
    else:
        with pytest.raises(IndexDamaged, match=name):
            read_threshold(index, encoder.identity)


@KINDS
@pytest.mark.parametrize("name", ["manifest.json", "passages.sqlite"])
def test_a_generation_with_a_path_that_is_no_file_is_damaged(tmp_path, corpus_index, make, name):
    index = tmp_path / "index"
    shutil.copytree(corpus_index, index)
    (path,) = index.rglob(name)
    path.unlink()
    make(path)
    with pytest.raises(IndexDamaged, match=name):
        indexes.open_index(index)


@KINDS
def test_a_page_that_becomes_no_file_is_reported_and_the_rest_is_read(tmp_path, encoder, make):
    guide = tmp_path / "guide"
    copy_introduction(guide)
    (guide / "other.md").write_text("# Cats\n\nCats sleep.\n")
    whole = builder.build_index(guide, tmp_path / "index", encoder)
    (guide / "other.md").unlink()
    make(guide / "other.md")
    built = builder.build_index(guide, tmp_path / "index", encoder)
    assert built.pages == whole.pages - 1
    assert make is not pipe or [warning.path for warning in built.warnings] == ["other.md"]


@KINDS
def test_the_model_is_exported_anew_where_its_record_is_no_file(
    tmp_path, encoder, make, monkeypatch
):
    copy = tmp_path / "cache" / "guide-assistant" / "models" / encoder.record.identity[:32]
    home = copy.with_name(encoder_selection.export_folder(encoder.identity).name)
    shutil.copytree(encoder_selection.export_folder(encoder.identity), home)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert encoder_selection.select_query_encoder(index_model=encoder.identity)[1] == ""
    (home / "export.json").unlink()
    make(home / "export.json")
    assert "not exported" in encoder_selection.select_query_encoder(index_model=encoder.identity)[1]


def test_a_report_into_a_pipe_that_nobody_reads_is_an_error(run, tmp_path):
    pipe(tmp_path / "report")
    guide = copy_introduction(tmp_path / "guide")
    code, _, err = run("build", "--corpus", guide, "--index", "index", "--report", "report")
    assert code == 2
    assert "report" in err[-2]


def test_a_file_is_read_whole_and_one_that_is_missing_or_closed_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"a\r\nb")
    assert files.read_text(tmp_path / "file") == "a\r\nb"
    with pytest.raises(FileNotFoundError):
        files.read_bytes(tmp_path / "none")


# -- keys -----------------------------------------------------------------------------------


def test_leftovers_of_a_killed_writer_of_keys_are_removed_by_the_next(tmp_path):
    keys = ApiKeys(tmp_path / "keys.json")
    left = [tmp_path / f"keys.json.{number}" for number in (1, 4711, os.getpid())]
    for path in left[:2]:
        path.write_text("half a file")
    pipe(left[2])
    others = [tmp_path / name for name in ("keys.json.bak", "keys.json.1.bak", "xkeys.json.1")]
    for path in others:
        path.write_text("")
    token = keys.add("ann")
    assert [path for path in left if path.exists()] == []
    assert all(path.exists() for path in others)
    assert keys.find(token).name == "ann"


def test_keys_of_a_folder_that_cannot_be_written_are_listed(run, tmp_path):
    index = tmp_path / "index"
    ApiKeys(index / "keys.json").add("ann")
    index.chmod(0o500)
    try:
        code, out, err = run("keys", "list", "--index", "index")
    finally:
        index.chmod(0o700)
    assert (code, err) == (0, [])
    assert "ann" in out


# -- questions to measure with ----------------------------------------------------------------

QUERY = b'{"id": "1", "text": "what is a KPI?"}'
GOLD = b'{"id": "1", "gold": [{"doc": "introduction.md", "heading_path": ["KPI"]}]}'
BAD = {
    "no JSON": b"no json",
    "half a line": QUERY[:-4],
    "another type": b"[1, 2]",
    "a number": b"3",
    "null": b"null",
    "nothing in it": b"{}",
    "no text": b'{"id": "1"}',
    "a text of another type": b'{"id": "1", "text": 3}',
    "an id of another type": b'{"id": [], "text": "x"}',
    "a talk of another type": b'{"id": "1", "text": "x", "history": {"role": "user"}}',
    "a turn of nobody": b'{"id": "1", "text": "x", "history": [{"role": "root", "text": ""}]}',
    "no UTF-8": b'{"id": "1", "text": "caf\xe9"}',
    "deep": b"[" * 100_000,
    "a number without end": b'{"id": "1", "text": "x", "gold_coverage": "much"}',
}
BAD_GOLD = {
    "no gold": b'{"id": "1"}',
    "gold of another type": b'{"id": "1", "gold": "introduction.md"}',
    "no headings": b'{"id": "1", "gold": [{"doc": "introduction.md"}]}',
    "headings of another type": b'{"id": "1", "gold": [{"doc": "a.md", "heading_path": 1}]}',
    "no UTF-8": b'{"id": "1", "gold": "\xff"}',
}
FILES = [
    *(pytest.param("queries.jsonl", QUERY, bad, id=f"queries: {name}")
      for name, bad in BAD.items()),
    *(pytest.param("gold_sections.jsonl", GOLD, bad, id=f"gold: {name}")
      for name, bad in BAD_GOLD.items()),
    pytest.param("answers.jsonl", b'{"id": "1", "answers": ["x"]}', b'{"id": "1", "answers": "x"}',
                 id="answers: another type"),
    pytest.param("queries_typo.jsonl", QUERY, b"{", id="misspelt: half a line"),
    pytest.param("qrels.tsv", b"query\tpage\tscore", b"1\tintroduction", id="pages: no score"),
    pytest.param("qrels.tsv", b"query\tpage\tscore", b"1\tintroduction\tgood", id="pages: words"),
]  # fmt: skip


@pytest.fixture
def dataset(tmp_path) -> Path:
    """A folder of one question to the repository's guide."""
    folder = tmp_path / "set"
    copy_introduction(folder / "docs")
    (folder / "queries.jsonl").write_bytes(QUERY + b"\n")
    return folder


@pytest.mark.parametrize(("name", "good", "bad"), FILES)
def test_gold_in_another_shape_is_named_with_its_line_in_two_lines(run, dataset, name, good, bad):
    (dataset / name).write_bytes(good + b"\n\n" + bad + b"\n")
    if name == "qrels.tsv":
        (dataset / name).write_bytes(good + b"\n1\tintroduction\t1\n" + bad + b"\n")
    code, out, err = run("eval", dataset)
    assert (code, out) == (2, ""), err
    assert len(err) == 2, err
    assert f"{dataset / name}" in err[0]
    assert "line 3" in err[0]


@pytest.mark.parametrize("text", [b"", b"\n\n", b"\xef\xbb\xbf"], ids=["empty", "blank", "mark"])
def test_a_file_without_a_question_is_named(run, dataset, text):
    (dataset / "queries.jsonl").write_bytes(text)
    code, out, err = run("eval", dataset)
    assert (code, out, len(err)) == (2, "", 2)
    assert "queries.jsonl" in err[0]


def test_a_set_whose_guide_is_missing_or_no_archive_is_named(run, dataset):
    shutil.rmtree(dataset / "docs")
    code, out, err = run("eval", dataset)
    assert (code, out, len(err)) == (2, "", 2)
    assert "corpus.jsonl" in err[0]
    (dataset / "docs.tar.xz").write_bytes(b"no archive")
    code, out, err = run("eval", dataset)
    assert (code, out, len(err)) == (2, "", 2)
    assert "docs.tar.xz" in err[0]
    (dataset / "docs.tar.xz").unlink()
    (dataset / "corpus.jsonl").write_text(
        '{"id": "../../out", "title": "", "section": "", "text": ""}'
    )
    code, out, err = run("eval", dataset)
    assert (code, out, len(err)) == (2, "", 2)
    (dataset / "corpus.jsonl").write_text('{"id": "a", "title": "A", "section": "", "text": "x"}')
    Path("work").write_text("")
    code, out, err = run("eval", dataset, "--work", "work")
    assert (code, out, len(err)) == (2, "", 2)
    assert "--work" in err[1]


def test_a_question_of_a_mixed_set_needs_its_guide(run, dataset):
    row = {"id": "1", "text": "x", "guide": "docs", "answerable": True}
    for less in ("guide", "answerable"):
        bad = {name: value for name, value in row.items() if name != less}
        text = f"{json.dumps(row)}\n{json.dumps(bad)}\n"
        (dataset / "queries.jsonl").write_text(text)
        code, out, err = run("eval", dataset)
        assert (code, out, len(err)) == (2, "", 2)
        assert "question 2" in err[0]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_question_for_calibration_is_named_by_its_line(run, tmp_path, bad):
    good = b'{"text": "what is a KPI?", "answerable": true}'
    (tmp_path / "dataset.jsonl").write_bytes(good + b"\n\n" + bad)
    code, out, err = run("calibrate", "--questions", "dataset.jsonl")
    assert (code, out, len(err)) == (2, "", 2)
    assert "dataset.jsonl" in err[0]
    assert "line 3" in err[0]
