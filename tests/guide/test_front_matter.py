"""Front matter: YAML or TOML at the top of a page, however broken, deep or long."""

from __future__ import annotations

import pytest

from assistant.guide.folder import read_guide
from tests.guide_pages import section, texts


@pytest.mark.parametrize(
    ("matter", "title"),
    [
        ("title: Plain", "Plain"),
        ('title: "Quoted: yes"', "Quoted: yes"),
        ("title: 2024", "2024"),
        ("title: No", "No"),
        ("title: 1.10", "1.10"),
        ("title: [a, list]", "Page"),
        ("title:", "Page"),
        ("layout: page", "Page"),
        ("", "Page"),
        ("title: Kept\ndate: !!timestamp nonsense", "Kept"),
        ("title: Kept\nwhen: 2024-99-99", "Kept"),
    ],
)
def test_front_matter_gives_the_title_and_is_not_text(page, matter: str, title: str) -> None:
    guide = page(f"---\n{matter}\n---\nText.\n")
    assert guide.pages[0].title == title
    assert texts(guide, "") == ["Text."]
    assert guide.warnings == ()


def test_the_plain_lines_of_broken_front_matter_are_read(page) -> None:
    guide = page("---\ntitle: Kept \ndescription: a: b\nlang: de\n---\nText.\n")
    assert (guide.pages[0].title, guide.pages[0].language) == ("Kept", "de")
    (warning,) = guide.warnings
    assert warning.message == "The front matter is not YAML: only its plain lines were read."


@pytest.mark.parametrize("matter", ["title: [a", "title: 'a", "a: b: c", "\t- x: {", "*nothing"])
def test_broken_front_matter_is_a_warning_and_its_page_is_read(page, matter: str) -> None:
    guide = page(f"---\n{matter}\n---\n\n# Head\n\nText.\n")
    (warning,) = guide.warnings
    assert (warning.path, warning.unreadable) == ("page.md", False)
    assert section(guide, "head").lines == (5, 7)
    assert texts(guide, "head") == ["Head\n\nText."]


def test_text_between_two_thematic_breaks_is_no_front_matter(page) -> None:
    guide = page("---\n\nNever lost.\n\n---\n\n# Head\n\nText.\n")
    assert texts(guide, "") == ["Never lost."]


def test_aliases_that_grow_exponentially_are_harmless(page) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    matter = "\n".join(lines)
    assert page(f"---\n{matter}\ntitle: *a11\n---\nText.").pages[0].title == "Page"


@pytest.mark.parametrize(
    "matter",
    [
        "+++\n" + "a." * 20_000 + "a = 1\n+++\n",
        "+++\n[" + "a . " * 20_000 + "a]\n+++\n",
        "+++\nx = { " + '"a".' * 10_000 + "a = 1 }\n+++\n",
        "---\na:\n " + "- " * 50_000 + "x\n---\n",
        "---\n" + "? " * 50_000 + "x\n---\n",
        "---\n" + "".join(" " * depth + "a:\n" for depth in range(400)) + "---\n",
    ],
    ids=["a key", "a table", "quoted keys", "lists", "keys that are keys", "steps"],
)
def test_front_matter_that_nests_too_deep_is_a_warning_and_its_page_is_read(
    tmp_path, matter
) -> None:
    (tmp_path / "a.md").write_text(f"{matter}# Head\n\nWords.\n")
    guide = read_guide(tmp_path)
    assert [passage.text for passage in guide.passages] == ["Head\n\nWords."]
    (warning,) = guide.warnings
    assert "more than 100 deep" in warning.message


def test_long_text_between_two_thematic_breaks_is_no_front_matter(tmp_path) -> None:
    (tmp_path / "a.md").write_text("---\n" + "Words of it.\n\n" * 20_000 + "---\n")
    guide = read_guide(tmp_path)
    assert guide.passages[0].text.startswith("Words of it.")
    assert [warning.unreadable for warning in guide.warnings] == [False]


@pytest.mark.parametrize(
    "matter",
    [
        "+++\ntitle = 'Dots ... and more. Yes.'\n[a.b.c.d]\ne.f = [[1, [2]], {g.h = 3}]\n+++\n",
        "---\ntitle: Dots ... and more. Yes.\na:\n  b:\n    - - c\n      - {d: [e, {f: g}]}\n---\n",
    ],
)
def test_ordinary_front_matter_gives_no_warning(tmp_path, matter: str) -> None:
    (tmp_path / "a.md").write_text(f"{matter}Words.\n" + "x: y\n" * 1_000)
    guide = read_guide(tmp_path)
    assert guide.pages[0].title == "Dots ... and more. Yes."
    assert guide.warnings == ()
