"""Test the command line: its output, its streams and its exit codes."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from assistant.bundled import cache_folder
from assistant.cli.main import main
from tests.conftest import CORPUS, ROOT, SHARED
from tests.small_guides import copy_introduction

CITATION = {
    "n", "passage", "path", "headings", "anchor", "url", "quote", "span", "lines", "sha256",
}  # fmt: skip
RESOURCE = set("title url kind minutes path headings anchor".split())
ANSWER = {
    "question", "understood_as", "other_readings", "found", "text", "confidence", "citations",
    "resources", "related", "missing", "next_questions", "writer", "degraded", "generation",
    "seconds", "blocks", "is_overview", "is_other_language",
}  # fmt: skip
HIT = {"rank", "passage", "path", "headings", "anchor", "url", "probability", "text", "why"}


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(exited.value.code or 0), captured.out, captured.err

    return run_command


def split_lines(text: str) -> list[str]:
    """Split output into lines without progress bars."""
    return [line for line in text.splitlines() if line.strip() and "━" not in line]


def test_ask_prints_the_answer_its_sections_and_what_to_read(run, corpus_index):
    code, out, _ = run("ask", "how is a PM different from a PO?", "--index", corpus_index)
    assert code == 0
    assert "Understood as: how is a product manager different from a product owner?" in out
    assert "Product Manager vs. Product Owner" in out
    assert "https://medium.com/@melissaperri/product-manager-vs-product-owner" in out


def test_ask_json_has_the_published_fields(run, corpus_index):
    code, out, _ = run("ask", "PM vs PO", "--json", "--index", corpus_index)
    answer = json.loads(out)
    assert code == 0
    assert answer.keys() == ANSWER
    assert answer["citations"][0].keys() == CITATION
    assert answer["resources"][0].keys() == RESOURCE
    assert answer["related"][0].keys() == {"path", "headings", "anchor", "url"}
    assert answer["citations"][0]["path"] == "introduction.md"
    assert answer["citations"][0]["headings"][0] == "Introduction to Product Management"


def test_search_json_has_the_published_fields(run, corpus_index):
    code, out, _ = run("search", "PM vs PO", "-k", "3", "--json", "--index", corpus_index)
    result = json.loads(out)
    assert code == 0
    assert result.keys() == {"question", "understood_as", "hits"}
    assert [hit["rank"] for hit in result["hits"]] == [1, 2, 3]
    assert all(hit.keys() == HIT for hit in result["hits"])


def test_nothing_found_is_an_answer_and_not_an_error(run, corpus_index):
    exam = "which exam must a product owner pass?"
    code, out, err = run("ask", exam, "--index", corpus_index)
    assert code == 0
    assert "The guide does not answer this." in out
    assert "The nearest sections:" in out
    assert err == ""


BATCH = [
    {"id": "one", "text": "what is a product owner?"},
    {
        "id": 2,
        "text": "and a project manager?",
        "history": [
            {"role": "user", "text": "what is a product owner?"},
            {"role": "agent", "text": "A role from Scrum."},
        ],
    },
    {"id": "three", "text": "how to bake bread", "history": []},
]


def test_a_batch_prints_one_line_a_question_in_order_with_its_id(run, corpus_index, tmp_path):
    (tmp_path / "batch.jsonl").write_text("\n".join(map(json.dumps, BATCH)) + "\n\n")
    code, out, _ = run("ask", "--batch", "batch.jsonl", "--index", corpus_index)
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [answer["id"] for answer in answers] == ["one", 2, "three"]
    assert [answer["found"] for answer in answers] == [True, True, False]
    assert "project manager" in answers[1]["understood_as"]
    assert all(answer.keys() == {"id", *ANSWER} for answer in answers)


def test_a_batch_may_come_from_standard_input_and_be_searched(run, corpus_index, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(BATCH[0])))
    code, out, _ = run("search", "--batch", "-", "-k", "2", "--index", corpus_index)
    result = json.loads(out)
    assert code == 0
    assert result["id"] == "one"
    assert len(result["hits"]) == 2


def test_an_invalid_question_of_a_batch_gets_an_error_and_the_rest_is_answered(
    run, corpus_index, tmp_path
):
    rows = [{"id": 1, "text": " "}, {"id": 2, "text": "what is a KPI?"}]
    (tmp_path / "batch.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, out, err = run("ask", "--batch", "batch.jsonl", "--index", corpus_index)
    first, second = (json.loads(line) for line in out.splitlines())
    assert code == 2
    assert first["error"]["what"] == "The question is empty."
    assert second["found"]
    assert len(split_lines(err)) == 2


@pytest.mark.parametrize(
    "row", ["not json", '{"text": "no id"}', '{"id": 1}', '{"id": 1, "text": "x", "history": 3}']
)
def test_an_invalid_line_of_a_batch_is_named_by_its_number(run, corpus_index, tmp_path, row):
    (tmp_path / "batch.jsonl").write_text('{"id": 0, "text": "what is a KPI?"}\n' + row)
    code, out, err = run("ask", "--batch", "batch.jsonl", "--index", corpus_index)
    assert (code, out) == (2, "")
    assert "line 2" in err
    assert len(split_lines(err)) == 2


def test_build_reports_its_reason_and_a_second_build_is_up_to_date(run, tmp_path):
    guide = copy_introduction(tmp_path / "guide")
    (guide / "cats.md").write_text("# Cats\n\nCats sleep.\n")
    first = run("build", "--corpus", guide, "--index", "index")
    second = run("build", "--corpus", guide, "--index", "index")
    assert (first[0], second[0]) == (0, 0)
    assert "Built (there was no index): 2 pages," in first[2]
    assert "Up to date: 2 pages," in second[2]


def test_build_reports_an_unreadable_page_and_reads_the_rest(run, tmp_path):
    guide = tmp_path / "guide"
    guide.mkdir()
    (guide / "good.md").write_text("# Cats\n\nA cat sleeps all day.\n")
    (guide / "bad.md").write_bytes(b"# Dogs\n\nA dog \x00\x01 barks.\n")
    code, _, err = run("build", "--corpus", guide, "--index", "index")
    assert code == 3
    assert "bad.md:1:" in err
    code, out, _ = run("ask", "what does a cat do?", "--index", "index")
    assert code == 0
    assert "A cat sleeps all day." in out


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["ask", "why?", "--index", "none"], 3, "no index", "assistant build"),
        (["search", "why?", "--index", "none"], 3, "no index", "assistant build"),
        (["build", "--corpus", "none"], 3, "no guide", "--corpus"),
        (["build", "--corpus", "."], 3, "no page", ".md"),
        (["build", "--model", "no/such-model"], 3, "no/such-model", "download"),
        (
            ["build", "--corpus", CORPUS, "--index", CORPUS / "introduction.md"],
            3,
            "cannot be",
            "--index",
        ),
        (["build", "--base-url", "javascript:alert(1)"], 2, "base_url", "published"),
        (["build", "--corpus", CORPUS, "--device", "tpu"], 3, "tpu", "--device"),
        (["ask", "--index", "none"], 2, "no question", "--batch"),
        (["ask", "x", "--batch", "y"], 2, "a question and a batch", "--batch"),
        (["ask", "--batch", "none.jsonl"], 2, "none.jsonl", "JSON lines"),
        (["ask", "x", "--colour"], 2, "--colour", "--help"),
        (["search", "x", "-k", "0"], 2, "-k", "--help"),
        (["frobnicate"], 2, "frobnicate", "--help"),
        (["serve", "--port", "70000"], 2, "port", "port"),
        (["verify", "none.json"], 3, "none.json", "answer"),
        (["calibrate", "--index", "none"], 3, "no index", "assistant build"),
        (["calibrate", "--questions", "none.jsonl"], 2, "none.jsonl", "JSON lines"),
        (["calibrate", "--refuse", "2"], 2, "--refuse", "--help"),
    ],
)
def test_bad_input_is_an_error_of_two_lines_the_message_and_the_hint(
    run, arguments, code, message, hint
):
    exit_code, out, err = run(*arguments)
    assert exit_code == code
    assert out == ""
    assert len(split_lines(err)) == 2, err
    assert message in split_lines(err)[0]
    assert hint in split_lines(err)[1]


def test_an_empty_and_an_over_long_question_are_refused(run, corpus_index):
    for question in ("", "  ", "a" * 2001):
        code, out, err = run("ask", question, "--index", corpus_index)
        assert (code, out, len(split_lines(err))) == (2, "", 2)


def test_the_version_is_printed(run):
    from assistant import __version__

    assert run("--version") == (0, f"assistant {__version__}\n", "")


def test_an_unknown_setting_in_the_environment_is_named(run, corpus_index, monkeypatch):
    monkeypatch.setenv("ASSISTANT_COLOUR", "blue")
    code, _, err = run("ask", "what is a KPI?", "--index", corpus_index)
    assert code == 2
    assert "colour" in split_lines(err)[0]


def test_the_error_of_a_damaged_index_names_the_file_and_a_hint(run, tmp_path):
    run("build", "--corpus", copy_introduction(tmp_path / "guide"), "--index", "index")
    vectors = next((tmp_path / "index").rglob("vectors.faiss"))
    vectors.write_bytes(vectors.read_bytes()[:-1])
    code, out, err = run("ask", "what is a KPI?", "--index", "index")
    assert (code, out) == (3, "")
    assert "vectors.faiss" in split_lines(err)[0]
    assert "assistant build" in split_lines(err)[1]


def test_calibrate_without_questions_reports_and_changes_nothing(run, corpus_index):
    code, out, _ = run("calibrate", "--index", corpus_index)
    assert code == 0
    assert "--questions" in out
    assert not (corpus_index / "calibration.json").exists()
    _, out, _ = run("calibrate", "--index", corpus_index, "--json")
    result = json.loads(out)
    assert result["answerable"] == result["unanswerable"] > 0
    assert result["auroc"] > 0.5


def test_a_threshold_fitted_to_questions_is_used_until_it_is_reset(run, tmp_path):
    run("build", "--corpus", copy_introduction(tmp_path / "guide"), "--index", "index")
    near = "what does a product manager do?"
    rows = [{"text": near, "answerable": True}] * 40
    rows += [{"text": "how do I bake bread?", "answerable": False}] * 40
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, out, _ = run("calibrate", "--index", "index", "--questions", "asked.jsonl", "--json")
    threshold = json.loads(out)["threshold"]
    _, out, _ = run("ask", near, "--index", "index", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["found"]
    assert answer["confidence"] >= threshold
    assert answer["degraded"] == []
    (tmp_path / "index" / "calibration.json").write_text("{}")
    code, out, err = run("ask", near, "--index", "index")
    assert (code, out, len(split_lines(err))) == (3, "", 2)
    assert run("calibrate", "--index", "index", "--reset")[0] == 0
    assert run("ask", near, "--index", "index")[0] == 0
    assert "default threshold" in run("calibrate", "--index", "index", "--reset")[1]


def test_verify_proves_a_saved_answer_and_refuses_a_forged_one(run, corpus_index, tmp_path):
    _, out, _ = run("ask", "PM vs PO", "--json", "--index", corpus_index)
    (tmp_path / "answer.json").write_text(out)
    code, report, _ = run("verify", "answer.json", "--corpus", CORPUS, "--index", corpus_index)
    assert (code, report) == (0, "Verified 1 quote in the guide.\n")
    (tmp_path / "answer.json").write_text(out.replace("Product Owner", "Product Baron"))
    code, _, err = run("verify", "answer.json", "--corpus", CORPUS, "--index", corpus_index)
    assert code == 3
    assert len(split_lines(err)) == 2


def test_asking_twice_prints_the_same_bytes_but_for_the_seconds(run, corpus_index):
    def ask() -> str:
        _, out, _ = run("ask", "PM vs PO", "--json", "--index", corpus_index)
        return "\n".join(line for line in out.splitlines() if '"seconds"' not in line)

    assert ask() == ask()


def test_a_conversation_in_the_terminal_remembers_earlier_questions(run, corpus_index, monkeypatch):
    typed = iter(["what is a product owner?", "and a project manager?", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    code, out, _ = run("chat", "--index", corpus_index)
    assert code == 0
    assert "Understood as: what is a project manager?" in out


def test_with_the_network_cut_a_new_process_answers(corpus_index):
    """The process that asks refuses every socket that is not local."""
    program = (
        "import socket, sys\n"
        "def cut(event, arguments):\n"
        "    local = ('(\\'127.', '/')\n"
        "    if event == 'socket.connect' and not str(arguments[1]).startswith(local):\n"
        "        raise SystemExit(f'the network was reached for: {arguments[1]}')\n"
        "    if event == 'socket.getaddrinfo':\n"
        "        raise SystemExit(f'a name was looked up: {arguments[0]}')\n"
        "sys.addaudithook(cut)\n"
        "from assistant.cli.main import main\n"
        "main(['ask', 'PM vs PO', '--index', sys.argv[1]])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, corpus_index],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("HF_")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Product Manager vs. Product Owner" in done.stdout
    assert done.stderr == ""


def test_the_source_guide_builds_and_answers_from_the_command_line(run):
    guide = SHARED / "guides" / "product-management"
    if not guide.is_dir():
        pytest.skip(f"the source guide is not at {guide}")
    assert run("build", "--corpus", guide, "--index", "index")[0] == 0
    _, out, _ = run("ask", "how is a PM different from a PO?", "--json", "--index", "index")
    assert json.loads(out)["citations"][0]["headings"][-1] == "Product Manager vs. Product Owner"


def test_feedback_is_printed_newest_first(run, corpus_assistant, tmp_path, monkeypatch):
    from assistant.server.answer_log import AnswerLog

    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    moments = iter(range(1_900_000_000, 1_900_001_000))
    journal = AnswerLog.open(url, days=10**4, clock=lambda: next(moments))
    for question, helpful in (("what is a product owner?", True), ("what is a KPI?", False)):
        journal.rate(journal.add(corpus_assistant.ask(question), {}), helpful, "Thanks.")
    journal.close()
    monkeypatch.setenv("ASSISTANT_JOURNAL", url)
    monkeypatch.setenv("ASSISTANT_KEEP_DAYS", "10000")
    code, out, _ = run("feedback")
    assert code == 0
    output = split_lines(out)
    assert output[0].endswith("  0 helpful, 1 not  what is a KPI?")
    assert output[1].startswith("    20")
    assert output[1].endswith("+00:00  -  Thanks.")
    assert output[2].endswith("  1 helpful, 0 not  what is a product owner?")
    _, out, _ = run("feedback", "--json", "--limit", "1")
    (only,) = map(json.loads, split_lines(out))
    assert (only["question"], only["helpful"], only["unhelpful"]) == ("what is a KPI?", 0, 1)
    assert only["comments"][0]["text"] == "Thanks."


def test_former_names_of_a_command_and_its_options_are_accepted_with_a_note(run, monkeypatch):
    monkeypatch.setenv("ASSISTANT_JOURNAL", "sqlite:///journal.sqlite")
    code, out, err = run("opinions", "--most", "3", "--json")
    assert (code, out) == (0, "")
    assert (
        err == "assistant opinions is now assistant feedback; the next version accepts "
        "assistant feedback alone.\n"
    )
    code, _, err = run("feedback", "--most", "3")
    assert code == 0
    assert err.startswith("--most is now --limit")
    code, _, err = run("calibrate", "--lost", "0.1", "--reset", "--index", "index")
    assert code == 0
    assert err.startswith("--lost is now --refuse")
    code, out, _ = run("feedback", "--help")
    assert "--most" not in out


def test_feedback_is_an_error_when_the_answer_log_is_off(run, monkeypatch):
    monkeypatch.setenv("ASSISTANT_JOURNAL", "off")
    code, out, err = run("feedback")
    assert (code, out) == (2, "")
    assert "journal is off" in err


def test_a_warning_that_is_repeated_is_counted(run, tmp_path):
    guide = tmp_path / "guide"
    guide.mkdir()
    for number in range(30):
        (guide / f"{number:02}.md").write_text(f"# Cat {number}\n\nA cat sleeps.\n\n[x](gone.md)\n")
    (guide / "list.odp").write_bytes(b"")
    code, _, err = run("build", "--corpus", guide, "--index", "index", "--report", "report.txt")
    assert code == 0
    assert split_lines(err)[:2] == [
        "list.odp:1: 1 .odp file was not read.",
        "00.md:5: The link to gone.md leads to no page. (30 times)",
    ]
    report = (tmp_path / "report.txt").read_text(encoding="utf-8").splitlines()
    assert report[0] == "list.odp:1: 1 .odp file was not read."
    assert report[1:21] == [
        f"{number:02}.md:5: The link to gone.md leads to no page." for number in range(20)
    ]
    assert report[21:] == [
        "20.md:5: The link to gone.md leads to no page. (10 more times from here on)"
    ]


@pytest.fixture
def remove_copies():
    """Remove the copies of guides that a test leaves in the user's cache, where the model is."""
    folder = Path(str(cache_folder())) / "sources"
    before = set(folder.glob("*"))
    yield
    for copy in set(folder.glob("*")) - before:
        shutil.rmtree(copy)


def test_an_archive_is_built_and_asked(run, tmp_path, remove_copies):
    with ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("export/cats.md", "# Cats\n\nA cat sleeps all day.\n")
    code, _, err = run("build", "--corpus", "export.zip", "--index", "index")
    assert code == 0, err
    code, out, _ = run("ask", "what does a cat do?", "--index", "index", "--json")
    assert json.loads(out)["citations"][0]["path"] == "cats.md"
    (tmp_path / "answer.json").write_text(out)
    command = ("verify", "answer.json", "--corpus", "export.zip", "--index", "index")
    assert run(*command)[:2] == (0, "Verified 1 quote in the guide.\n")


def test_a_repository_that_cannot_be_fetched_is_an_error_with_what_git_says(
    run, tmp_path, remove_copies
):
    code, out, err = run("build", "--corpus", f"git+file://{tmp_path}/none#main", "--index", "i")
    assert (code, out) == (3, "")
    assert split_lines(err)[0] == "Fetching the guide with git."
    assert f"git cannot read file://{tmp_path}/none: fatal: " in err
