"""Test that an index opened by the command line or Python is compared with its current guide."""

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
    """Return a folder with a guide of two pages and its index, outside the default paths."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "cat.md").write_text("# Cat\n\nA cat sleeps on the road.\n")
    (tmp_path / "guide" / "dog.md").write_text("# Dog\n\nA dog sits in the house.\n")
    builder.build_index(tmp_path / "guide", tmp_path / "built", encoder)
    return tmp_path


def check_pages(place) -> tuple[str, str]:
    """Return doctor's result for the pages, and its hint."""
    settings = Settings(corpus=place / "guide", index=place / "built")
    (pages_check,) = (check for check in run_checks(settings) if check.name == "pages")
    return pages_check.result, pages_check.hint


def test_a_page_deleted_after_the_build_is_reported_by_python_doctor_and_the_command_line(place):
    assert Assistant.open(place / "built").ask("where is the cat?").degraded == ()
    assert check_pages(place)[1] == ""
    (place / "guide" / "dog.md").unlink()
    (degraded,) = Assistant.open(place / "built").ask("where is the cat?").degraded
    assert degraded.startswith(DELETED)
    assert "assistant build" in degraded
    assert check_pages(place)[0] == DELETED
    assert "assistant build" in check_pages(place)[1]
    result = CliRunner().invoke(
        cli_main.app, ["ask", "--json", "--index", "built", "where is the cat?"]
    )
    assert json.loads(result.stdout)["degraded"] == [degraded]
    assert degraded in result.stderr


def test_an_edited_page_is_reported_until_its_content_is_restored(place):
    page = place / "guide" / "dog.md"
    text = page.read_text()
    page.write_text(text.replace("house", "tree"))
    assert "(1 edited)" in Assistant.open(place / "built").warnings[0]
    assert "(1 edited)" in check_pages(place)[0]
    page.write_text(text)
    assert Assistant.open(place / "built").warnings == ()
    assert check_pages(place)[1] == ""


def test_without_the_cache_of_the_build_the_pages_themselves_are_compared(place):
    (place / "built" / CACHE_FILE).unlink()
    assert check_pages(place)[1] == ""
    (place / "guide" / "dog.md").write_text("# Dog\n\nA dog sits in the tree.\n")
    assert "(1 edited)" in check_pages(place)[0]


def test_an_index_without_its_guide_on_this_machine_has_no_warning(place):
    shutil.rmtree(place / "guide")
    assert Assistant.open(place / "built").warnings == ()


def test_another_guide_at_the_default_path_causes_no_warning(place):
    (place / "corpus").mkdir()
    (place / "corpus" / "bird.md").write_text("# Bird\n\nA bird sings.\n")
    assert Assistant.open(place / "built").warnings == ()


def test_the_guide_of_the_settings_is_compared_if_that_of_the_build_is_missing(place, monkeypatch):
    (place / "guide").rename(place / "moved")
    monkeypatch.setenv("ASSISTANT_CORPUS", str(place / "moved"))
    assert Assistant.open(place / "built").warnings == ()
    (place / "moved" / "dog.md").unlink()
    assert Assistant.open(place / "built").warnings[0].startswith(DELETED)


def test_comparing_writes_nothing_and_waits_for_no_lock(place):
    before = sorted(path.name for path in (place / "built").iterdir())
    Assistant.open(place / "built")
    check_pages(place)
    assert sorted(path.name for path in (place / "built").iterdir()) == before
    with generations.lock_for_writing(place / "built"):
        (place / "guide" / "dog.md").unlink()
        assert Assistant.open(place / "built").warnings[0].startswith(DELETED)


def test_doctor_compares_an_index_with_the_guide_it_was_built_from(place):
    (place / "corpus").mkdir()
    (place / "corpus" / "other.md").write_text("# Other\n\nAnother guide.\n")
    settings = Settings(index=place / "built")
    (pages_check,) = (check for check in run_checks(settings) if check.name == "pages")
    assert pages_check.hint == ""
    (place / "guide" / "dog.md").unlink()
    (pages_check,) = (check for check in run_checks(settings) if check.name == "pages")
    assert pages_check.result == DELETED
