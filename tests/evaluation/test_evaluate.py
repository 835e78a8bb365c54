"""An evaluation of a small guide with the twelve-word encoder."""

from __future__ import annotations

import json
import tarfile
from xml.etree import ElementTree as ET

import pytest

from assistant.errors import SettingsError
from assistant.evaluation import datasets, evaluate, report
from assistant.evaluation.datasets import Gold

PAGE = """# House

## Cat

A cat drinks milk in the house.

## Dog

A dog sits on the road and eats bread.

## Bird

A bird sits in a tree by the river.
"""

QUESTIONS = [
    {"id": "1", "text": "what does the cat drink?", "history": []},
    {"id": "2", "text": "where does the dog sit?", "history": []},
    {
        "id": "3",
        "text": "where does it sit?",
        "history": [
            {"role": "user", "text": "what is a dog?"},
            {"role": "agent", "text": "It barks."},
        ],
    },
    {"id": "4", "text": "how is a pension paid out?", "history": []},
]
GOLD = [
    {"id": "1", "gold": [{"doc": "house.md", "heading_path": ["Cat"]}]},
    {"id": "2", "gold": [{"doc": "house.md", "heading_path": ["house", "dog"]}]},
    {"id": "3", "gold": [{"doc": "house.md", "heading_path": ["Dog"]}]},
]
ANSWERS = [
    {"id": "1", "answers": ["A cat drinks milk in the house."], "is_impossible": False},
    {"id": "2", "answers": ["on the road"], "is_impossible": False},
    {"id": "3", "answers": ["on the road"], "is_impossible": False},
    {"id": "4", "answers": [], "is_impossible": True},
]


def write(path, rows) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """A folder of questions with every file it may have."""
    folder = tmp_path / "animals"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "house.md").write_text(PAGE)
    write(folder / "queries.jsonl", QUESTIONS)
    write(folder / "gold_sections.jsonl", GOLD)
    write(folder / "answers.jsonl", ANSWERS)
    write(folder / "queries_typo.jsonl", [{"id": "2", "text": "where does the dog siit?"}])
    return folder


@pytest.fixture
def outcomes(folder, tmp_path, word_encoder):
    sets = datasets.read_datasets(folder, tmp_path / "work")
    return [evaluate.evaluate(dataset, tmp_path / "work", word_encoder) for dataset in sets]


def test_every_question_has_its_gold_section_whatever_the_case_of_its_headings(outcomes):
    (outcome,) = outcomes
    assert [sorted(record.gold) for record in outcome.records] == [
        ["house.md#cat"],
        ["house.md#dog"],
        ["house.md#dog"],
        [],
    ]


def test_a_gold_section_that_is_not_there_counts_as_missed(folder, tmp_path, word_encoder):
    missing = [{"id": "1", "gold": [{"doc": "house.md", "heading_path": ["Horse"]}]}]
    write(folder / "gold_sections.jsonl", missing)
    (dataset,) = datasets.read_datasets(folder, tmp_path)
    outcome = evaluate.evaluate(dataset, tmp_path / "work", word_encoder)
    assert evaluate.measure_ranking(outcome.records, "words")["R@10"].value == 0.0


def test_each_arm_is_measured_by_itself(outcomes):
    measures = {
        name: evaluate.measure_ranking(outcomes[0].records, name)["R@1"].value
        for name in evaluate.RETRIEVER_NAMES
    }
    # Without the conversation nothing says what "it" is.
    assert min(measures.values()) == pytest.approx(2 / 3)
    assert measures["+ model"] < measures["+ history"] == 1.0


def test_first_questions_of_conversations_are_a_subset(outcomes):
    names = [(name, len(records)) for name, records in outcomes[0].subsets()]
    assert names == [("animals", 4), ("animals, first turns", 3)]


def test_answers_are_compared_with_the_gold_ones(outcomes):
    measures = evaluate.measure_answers(outcomes[0].records[:1])
    assert measures["F1"].value == measures["evidence"].value == measures["answered"].value == 1.0


def test_unanswerable_questions_are_separated_from_the_others(outcomes):
    measures = evaluate.measure_refusals(outcomes[0].records)
    assert measures["AUROC"].value == 1.0
    assert measures["refused"].value == 1.0


def test_a_misspelt_question_is_compared_with_itself(outcomes):
    assert len(outcomes[0].misspelt) == 1
    assert evaluate.measure_robustness(outcomes[0])["misspelt"].value == 1.0


def test_a_sample_is_spread_over_the_whole_set(folder, tmp_path):
    (dataset,) = datasets.read_datasets(folder, tmp_path)
    assert [case.id for case in dataset.sample(2).questions] == ["1", "3"]
    assert dataset.sample(None) == dataset


def test_rewrites_need_no_guide(tmp_path, word_encoder):
    history = [{"role": "user", "text": "what does the cat drink?"}]
    rows = [
        {
            "id": "1",
            "text": "and the dog?",
            "history": history,
            "rewrite": "what does the dog drink?",
        },
        {
            "id": "2",
            "text": "where is the bird?",
            "history": history,
            "rewrite": "where is the bird?",
        },
    ]
    write(tmp_path / "queries.jsonl", rows)
    (dataset,) = datasets.read_datasets(tmp_path, tmp_path / "work")
    measures = evaluate.measure_robustness(evaluate.evaluate(dataset, tmp_path, word_encoder))
    assert measures["copied"].value == 0.5
    assert measures["rewritten"].value >= measures["copied"].value


def test_questions_that_name_their_guide_are_split_by_guide(folder):
    mixed = folder.parent / "mixed"
    mixed.mkdir()
    rows = [{"id": "1", "guide": "animals/docs", "text": "a cat?", "answerable": True}]
    write(mixed / "queries.jsonl", rows)
    (dataset,) = datasets.read_datasets(mixed, folder.parent)
    assert dataset.guide == mixed.parent / "animals" / "docs"
    assert dataset.questions[0].answerable


def test_a_corpus_of_rows_becomes_a_guide_of_pages(tmp_path):
    rows = [{"id": "one", "title": "House", "section": "Cat > Food", "text": "It drinks milk."}]
    write(tmp_path / "corpus.jsonl", rows)
    write(tmp_path / "queries.jsonl", [{"id": "1", "text": "milk?"}])
    (tmp_path / "qrels.tsv").write_text("qid\tdocid\trel\n1\tone\t1\n1\ttwo\t0\n")
    (dataset,) = datasets.read_datasets(tmp_path, tmp_path / "work")
    text = (dataset.guide / "one.md").read_text()
    assert text == "# House\n\n## Cat\n\n### Food\n\nIt drinks milk.\n"
    assert dataset.questions[0].gold == (Gold("one.md"),)
    assert dataset.by_page


def test_an_archive_is_unpacked_for_the_chosen_guides(tmp_path):
    docs = tmp_path / "docs"
    for name in ("cats/a.md", "dogs/b.md"):
        (docs / name).parent.mkdir(parents=True)
        (docs / name).write_text("# A\n")
    folder = tmp_path / "set"
    folder.mkdir()
    with tarfile.open(folder / "docs.tar.xz", "w:xz") as packed:
        packed.add(docs, "docs")
    (folder / "gold_guides.txt").write_text("dogs\n")
    write(folder / "queries.jsonl", [{"id": "1", "text": "b?"}])
    (dataset,) = datasets.read_datasets(folder, tmp_path / "work")
    pages = [path.relative_to(dataset.guide).as_posix() for path in dataset.guide.rglob("*.md")]
    assert pages == ["dogs/b.md"]


@pytest.mark.parametrize("text", [None, "", "{", "[1"])
def test_a_folder_without_questions_is_an_error(tmp_path, text):
    if text is not None:
        (tmp_path / "queries.jsonl").write_text(text)
    with pytest.raises(SettingsError):
        list(datasets.read_datasets(tmp_path, tmp_path / "work"))


# -- the report -----------------------------------------------------------------------------------


def test_the_tables_have_what_could_be_measured(outcomes):
    tables = {table.title: table for table in report.make_tables(outcomes)}
    assert list(tables) == ["Ranking", "Answers", "Refusals", "Conversation and spelling"]
    rows = [name for name, _ in tables["Ranking"].rows]
    assert rows[:5] == [f"animals · {name}" for name in evaluate.RETRIEVER_NAMES]


def test_the_printed_report_has_sets_and_latencies(outcomes, capsys):
    report.print_report(outcomes)
    out = capsys.readouterr().out
    assert "animals, first turns" in out
    assert "4 questions, half of them within" in out


def test_the_page_escapes_the_questions(folder, tmp_path, word_encoder):
    evil = "<script>alert(1)</script> where does the dog sit?"
    write(folder / "queries.jsonl", [{**row, "text": evil} for row in QUESTIONS])
    sets = datasets.read_datasets(folder, tmp_path / "work")
    page = report.render_report(
        [evaluate.evaluate(s, tmp_path / "work", word_encoder) for s in sets]
    )
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "Worst misses" in page
    assert page.count("<svg") == 2


def test_the_json_has_each_figure_with_its_interval(outcomes):
    measures = report.to_dict(outcomes)
    assert measures["animals"]["R@1"] == {"value": 1.0, "interval": [1.0, 1.0], "count": 3}


def test_a_goal_that_is_missed_is_a_failed_test_case(outcomes, tmp_path):
    (tmp_path / "goals.toml").write_text(
        '[animals]\n"R@1" = 0.9\nECE = -1\nrewritten = 0.5\n[others]\n"R@1" = 1\n'
    )
    wanted = report.read_goals(tmp_path / "goals.toml")
    missed = report.find_missed_goals(outcomes, wanted)
    assert [line.split(" 0.")[0] for line in missed] == [
        "animals: ECE",
        "animals: rewritten was not measured",
    ]
    suite = ET.fromstring(report.render_junit(outcomes, wanted))
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == [
        "ECE",
        "rewritten",
    ]


@pytest.mark.parametrize("text", ["[a", "a = 1", '[a]\nb = "c"', "[a]\nb = true"])
def test_goals_that_are_not_numbers_are_refused(tmp_path, text):
    (tmp_path / "goals.toml").write_text(text)
    with pytest.raises(SettingsError):
        report.read_goals(tmp_path / "goals.toml")
