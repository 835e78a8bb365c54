"""Synonyms of the settings and of front matter, in an invented guide of a workshop."""

from __future__ import annotations

import pytest

from assistant import settings
from assistant.assistant import Assistant
from assistant.guide.front_matter import read_synonyms
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.index import builder
from assistant.index import index as indexes
from tests.small_guides import build_assistant

PAGE = """---
synonyms:
  kiln: [furnace]
---
# Workshop

## Booking the kiln

Book the kiln two days ahead with the potter in charge.

## Lockers

Each member gets a locker. The deposit for it is nine crowns.
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory, encoder):
    folder = tmp_path_factory.mktemp("workshop")
    (folder / "docs").mkdir()
    (folder / "docs" / "workshop.md").write_text(PAGE, encoding="utf-8")
    builder.build_index(folder / "docs", folder / "index", encoder)
    return indexes.open_index(folder / "index")


def test_a_page_declares_synonyms_for_the_whole_guide(index, encoder):
    answer = Assistant(index, encoder).ask("how do I book the furnace?")
    assert "two days ahead" in answer.text
    assert answer.understood_as == "how do I book the furnace?"


def test_a_readers_word_is_no_slip_of_another_word(index, encoder):
    guide = Assistant(index, encoder, synonyms={"locker": ("bok",)})
    assert "nine crowns" in guide.ask("what is the deposit for a bok?").text


def test_a_follow_up_may_use_a_readers_word(index, encoder):
    guide = Assistant(index, encoder, synonyms={"deposit": ("caution money",)})
    first = guide.ask("does each member get a locker?")
    assert "nine crowns" in guide.ask("how much is the caution money for it?", first.turns).text


def test_a_page_is_asked_for_by_its_alias(tmp_path, encoder):
    pages = {
        "mill.md": "---\naliases: [clay squeezer]\n---\n# Pug mill\n\n"
        "The pug mill is in the shed.\n",
        "glaze.md": "# Glazes\n\nGlazes are in the cupboard by the door.\n",
    }
    answer = build_assistant(tmp_path, pages, encoder).ask("where is the clay squeezer?")
    assert "in the shed" in answer.text


def test_the_settings_add_synonyms(index, encoder):
    guide = Assistant(index, encoder, synonyms={"deposit": ("caution money",)})
    answer = guide.ask("how much is the caution money for a locker?")
    assert "nine crowns" in answer.text
    assert "two days ahead" in guide.with_index(index).ask("how do I book the furnace?").text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PAGE, {"kiln": ("furnace",)}),
        ("---\nsynonyms:\n  kiln: furnace\n---\n", {"kiln": ("furnace",)}),
        ("---\nsynonyms: [kiln, furnace]\n---\n", {}),
        ("---\nsynonyms:\n  kiln: {a: b}\n---\n", {}),
        ("synonyms", {}),
        ("---\naliases: [Pug mill, clay mixer]\n---\n", {"Mill": ("Pug mill", "clay mixer")}),
        ("---\naliases: mixer\n---\n", {"Mill": ("mixer",)}),
        ("---\naliases:\n- /old/mill/\n- old-mill\n- mill.html\n---\n", {}),
        (
            "---\naliases: [mixer]\nsynonyms: {Mill: [grinder]}\n---\n",
            {"Mill": ("grinder", "mixer")},
        ),
    ],
)
def test_front_matter_lists_readers_words_under_the_guide_s(text, expected):
    assert read_synonyms(text, "Mill") == expected


def test_the_environment_holds_synonyms_as_one_string(monkeypatch):
    monkeypatch.setenv("ASSISTANT_SYNONYMS", "kiln=furnace, oven; deposit=caution money")
    assert settings.load_settings().synonyms == {
        "kiln": ("furnace", "oven"),
        "deposit": ("caution money",),
    }


# -- descriptions in front matter ----------------------------------------------------------------


def test_a_page_is_reached_by_its_description_which_is_not_quoted(tmp_path, encoder):
    pages = {
        "leaving.md": "---\ntitle: Last days\ndescription: How to resign.\n---\n\n"
        "Tell the potter in charge four weeks before. Empty the locker and hand in the key.\n",
        "glaze.md": "# Glazes\n\nGlazes are in the cupboard by the door.\n",
        "visits.md": "# Visits\n\nVisitors come on Sundays. Show them the shop first.\n",
    }
    answer = build_assistant(tmp_path, pages, encoder).ask("how do I resign?")
    assert "four weeks before" in answer.text
    assert "How to resign" not in answer.text


@pytest.mark.parametrize("description", ["null", "~", "70 %", "", "Show them the shop first."])
def test_a_description_that_says_nothing_more_than_its_page_changes_nothing(tmp_path, description):
    body = "# Visits\n\nVisitors come on Sundays. Show them the shop first.\n"
    (tmp_path / "visits.md").write_text(f"---\ndescription: {description}\n---\n{body}", "utf-8")
    (tmp_path / "plain.md").write_text(body, "utf-8")
    described, plain = (
        read_page(tmp_path, name, reading_options=ReadingOptions()).passages
        for name in ("visits.md", "plain.md")
    )
    assert [one.text for one in described] == [one.text for one in plain]
