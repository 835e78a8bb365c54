"""`assistant eval` on a small invented answer set, from its files to what is printed."""

from __future__ import annotations

import json

import pytest

from assistant.cli.main import main

PAGE = """# Observatory handbook

## Opening the dome

Open the dome only when the wind is below 45 km/h. Press button D2 for ten seconds.

## Night shifts

| Shift | Starts | Allowance |
|---|---|---|
| Early | 19:30 | 35 EUR |
| Late | 01:30 | 60 EUR |

## Visitors

Groups of up to 14 visitors may come on Fridays. They register with the librarian.
"""
ROWS = [
    {"kind": "fact", "text": "up to which wind may I open the dome?", "answerable": True,
     "gold_path": "handbook.md", "gold_sentence": "wind is below 45 km/h"},
    {"kind": "table", "text": "what is the allowance of the late shift?", "answerable": True,
     "gold_path": "handbook.md", "gold_sentence": "Late ... 60 EUR"},
    {"kind": "fact", "text": "how many visitors may a group have?", "answerable": True,
     "gold_path": "handbook.md", "gold_sentence": "up to 15 visitors"},
    {"kind": "unanswerable", "text": "what is the capital of Peru?", "answerable": False},
]  # fmt: skip
# The third gold sentence is wrong on purpose: the guide says 14, so no answer is complete.


@pytest.fixture
def run(encoder, capsys, monkeypatch, tmp_path):
    """Run a command in a folder with the set: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sky" / "docs").mkdir(parents=True)
    (tmp_path / "sky" / "docs" / "handbook.md").write_text(PAGE)
    lines = "".join(f"{json.dumps(row)}\n" for row in ROWS)
    (tmp_path / "sky" / "questions.jsonl").write_text(lines)

    def run_command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(exited.value.code or 0), captured.out, captured.err

    return run_command


def test_the_figures_are_printed_first_and_the_misses_last(run):
    code, out, _ = run("eval", "sky", "--misses", 3)
    assert code == 0
    assert out.startswith("Answers: sky")
    assert "│ good                     │ 0.667 " in out
    assert "│ unanswerable refused     │ 1.000 " in out
    assert "│ gold in first 20         │ 0.667 " in out
    _, _, misses = out.partition("half of them within")
    assert (
        "incomplete (sky): how many visitors may a group have?\n  gold: up to 15 visitors" in misses
    )
    assert "Groups of up to 14 visitors" in misses
    assert "dome" not in misses


def test_json_has_the_figures_with_intervals_and_the_misses(run):
    code, out, _ = run("eval", "sky", "--json", "--misses", 3)
    report = json.loads(out)
    assert code == 0
    assert report["sky"]["good"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert report["sky"]["good"]["count"] == 3
    assert report["sky"]["good"]["interval"] == [0.0, 1.0]
    assert report["sky, table"] == {
        "good": {"value": 1.0, "interval": [1.0, 1.0], "count": 1, "for_reading": True}
    }
    assert [miss["question"] for miss in report["worst misses"]] == [ROWS[2]["text"]]


def test_a_missed_goal_ends_with_1_and_the_page_shows_the_miss(run, tmp_path):
    (tmp_path / "goals.toml").write_text('[sky]\ngood = 0.7\n"unanswerable refused" = 1.0\n')
    code, _, err = run("eval", "sky", "--goals", "goals.toml", "--html", "sky.html")
    assert code == 1
    assert err.splitlines()[-1] == "sky: good 0.667 is under 0.7"
    assert "up to 15 visitors" in (tmp_path / "sky.html").read_text()


def test_a_sample_of_a_set_is_asked(run):
    code, out, _ = run("eval", "sky", "--json", "--limit", 2)
    assert code == 0
    assert json.loads(out)["sky"]["good"]["count"] == 2


def test_a_line_that_cannot_be_used_is_named_before_anything_is_built(run, tmp_path):
    with (tmp_path / "sky" / "questions.jsonl").open("a") as file:
        file.write('{"text": "when is it dark?", "answerable": true}\n')
    code, out, err = run("eval", "sky")
    assert (code, out, len(err.splitlines())) == (2, "", 2)
    assert "questions.jsonl line 5" in err
    assert "gold_path" in err
    assert not (tmp_path / "build").exists()
