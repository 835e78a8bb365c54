"""An index that is opened once, on the command line or in Python, against its guide of today."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from assistant.assistant import Assistant
from assistant.cli import main as cli_main
from assistant.cli.doctor import run_checks
from assistant.index import builder, generations
from assistant.index.build_cache import CACHE_FILE
from assistant.settings import Settings

DELETED = "1 page changed since this index was built (1 deleted)."


@pytest.fixture
def place(tmp_path, encoder, monkeypatch):
    """A folder with a guide of two pages, and its index, in which there is nothing by default."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "cat.md").write_text("# Cat\n\nA cat sleeps on the road.\n")
    (tmp_path / "guide" / "dog.md").write_text("# Dog\n\nA dog sits in the house.\n")
    builder.build_index(tmp_path / "guide", tmp_path / "built", encoder)
    return tmp_path


def pages(place) -> tuple[str, str]:
    """What doctor says of the pages, and what mends it."""
    settings = Settings(corpus=place / "guide", index=place / "built")
    (pages_check,) = (check for check in run_checks(settings) if check.name == "pages")
    return pages_check.result, pages_check.hint


def test_a_page_deleted_after_the_build_is_said_by_python_doctor_and_the_command_line(place):
    assert Assistant.open(place / "built").ask("where is the cat?").degraded == ()
    assert pages(place)[1] == ""
    (place / "guide" / "dog.md").unlink()
    (degraded,) = Assistant.open(place / "built").ask("where is the cat?").degraded
    assert degraded.startswith(DELETED)
    assert "assistant build" in degraded
    assert pages(place)[0] == DELETED
    assert "assistant build" in pages(place)[1]
    result = CliRunner().invoke(
        cli_main.app, ["ask", "--json", "--index", "built", "where is the cat?"]
    )
    assert json.loads(result.stdout)["degraded"] == [degraded]
    assert degraded in result.stderr


def test_a_page_edited_is_said_and_one_that_says_the_same_again_is_not(place):
    page = place / "guide" / "dog.md"
    text = page.read_text()
    page.write_text(text.replace("house", "tree"))
    assert "(1 edited)" in Assistant.open(place / "built").warnings[0]
    assert "(1 edited)" in pages(place)[0]
    page.write_text(text)
    assert Assistant.open(place / "built").warnings == ()
    assert pages(place)[1] == ""


def test_without_the_cache_of_the_build_the_pages_themselves_are_compared(place):
    (place / "built" / CACHE_FILE).unlink()
    assert pages(place)[1] == ""
    (place / "guide" / "dog.md").write_text("# Dog\n\nA dog sits in the tree.\n")
    assert "(1 edited)" in pages(place)[0]


def test_an_index_on_a_machine_its_guide_never_was_on_raises_no_alarm(place):
    shutil.rmtree(place / "guide")
    assert Assistant.open(place / "built").warnings == ()


def test_another_guide_that_lies_where_one_is_looked_for_raises_no_alarm(place):
    (place / "corpus").mkdir()
    (place / "corpus" / "bird.md").write_text("# Bird\n\nA bird sings.\n")
    assert Assistant.open(place / "built").warnings == ()


def test_a_guide_that_the_settings_name_is_compared_where_the_one_of_the_build_is_not_here(
    place, monkeypatch
):
    (place / "guide").rename(place / "moved")
    monkeypatch.setenv("ASSISTANT_CORPUS", str(place / "moved"))
    assert Assistant.open(place / "built").warnings == ()
    (place / "moved" / "dog.md").unlink()
    assert Assistant.open(place / "built").warnings[0].startswith(DELETED)


def test_comparing_writes_nothing_and_waits_for_no_lock(place):
    before = sorted(path.name for path in (place / "built").iterdir())
    Assistant.open(place / "built")
    pages(place)
    assert sorted(path.name for path in (place / "built").iterdir()) == before
    with generations.lock_for_writing(place / "built"):
        (place / "guide" / "dog.md").unlink()
        assert Assistant.open(place / "built").warnings[0].startswith(DELETED)


def test_doctor_compares_an_index_with_the_guide_it_was_built_from_whatever_lies_here(place):
    (place / "corpus").mkdir()
    (place / "corpus" / "other.md").write_text("# Other\n\nAnother guide.\n")
    settings = Settings(index=place / "built")
    (pages_check,) = (check for check in run_checks(settings) if check.name == "pages")
    assert pages_check.hint == ""
    (place / "guide" / "dog.md").unlink()
    (pages_check,) = (check for check in run_checks(settings) if check.name == "pages")
    assert pages_check.result == DELETED
