"""Cutting sections into passages that fit the encoder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.guide.chunking import estimate_tokens
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from tests.guide_pages import texts

if TYPE_CHECKING:
    from assistant.models.documents import Guide

LONG = " ".join(f"This is sentence number {n} of a long paragraph." for n in range(60))


def test_a_section_that_fits_is_one_passage(page) -> None:
    assert len(page("# T\n\nOne.\n\nTwo.\n\n- a\n- b").passages) == 1


def test_a_long_paragraph_is_cut_between_sentences_and_loses_none(page) -> None:
    guide = page(f"# T\n\n{LONG}", max_tokens=128)
    assert len(guide.passages) > 3
    sentences = [p.slice(s) for p in guide.passages for s in p.sentences]
    assert sentences == ["T", *(f"{part}." for part in LONG.rstrip(".").split(". "))]
    assert all(estimate_tokens(p.search_text) <= 128 for p in guide.passages)
    assert [p.id for p in guide.passages] == [
        f"page.md#t/{n}" for n in range(1, len(guide.passages) + 1)
    ]


def test_code_is_never_cut(page) -> None:
    code = "\n\n".join(f"line_{n} = call({n}, 'word word word')" for n in range(80))
    guide = page(f"# T\n\nBefore.\n\n```\n{code}\n```\n\nAfter.", max_tokens=64)
    assert sum(code in passage.text for passage in guide.passages) == 1


def test_a_table_is_cut_between_rows_only(page) -> None:
    rows = [f"row {n} | some words that say a little more {n}" for n in range(60)]
    guide = page(
        "# T\n\n| a | b |\n|---|---|\n" + "\n".join(f"| {r} |" for r in rows), max_tokens=64
    )
    assert len(guide.passages) > 3
    lines = [line for passage in guide.passages for line in passage.text.split("\n")]
    assert [line for line in lines if line.startswith("row")] == rows


def test_a_thematic_break_ends_a_passage(page) -> None:
    assert texts(page("# T\n\none\n\n---\n\ntwo"), "t") == ["T\n\none", "two"]


def test_ids_stay_when_another_section_is_edited(page) -> None:
    before = page("# T\n\n## A\n\nalpha\n\n## B\n\nbeta\n\n## C\n\ngamma")
    after = page(
        f"# T\n\n## A\n\n{LONG}\n\n## B\n\nbeta\n\n## New\n\nnew\n\n## C\n\ngamma", max_tokens=64
    )

    def texts_by_id(guide: Guide) -> dict[str, str]:
        return {p.id: p.text for p in guide.passages}

    for name in ("page.md#b/1", "page.md#c/1"):
        assert texts_by_id(before)[name] == texts_by_id(after)[name]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "# A",
                "## B",
                "Some words. And more!",
                "- item one",
                "1. step",
                "> said",
                "| a | b |",
                "|---|---|",
                "```\ncode\n```",
                "---",
                "",
                "x" * 300,
                "产品经理。" * 30,
                "Term\n: What",
                "[t](http://u.v)",
                "<div>",
                "</div>",
                "{: .x}",
                "[^1]",
                "[^1]: Note.",
                LONG,
            ]
        ),
        min_size=1,
        max_size=15,
    ),
    st.integers(16, 300),
)
def test_every_sentence_is_a_slice_of_its_passage_on_any_page(
    parts: list[str], max_tokens: int
) -> None:
    source = "\n".join(parts)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "p.md").write_text(source, encoding="utf-8")
        options = ReadingOptions(max_tokens=max_tokens)
        passages = read_page(Path(folder), "p.md", reading_options=options).passages
    assert len({passage.id for passage in passages}) == len(passages)
    for passage in passages:
        assert passage.sentences
        for sentence in passage.sentences:
            assert passage.slice(sentence).strip()


# -- Links ----------------------------------------------------------------------------------


def links_of(guide: Guide) -> list[tuple[str, str]]:
    return [(p.text[m.start : m.end], m.url) for p in guide.passages for m in p.markup if m.url]


def test_a_passage_knows_where_its_links_are_and_their_addresses_as_written(page) -> None:
    guide = page(
        '# T\n\nA [*glim*](glim.md#x "title") and <https://zorb.example/1>.\n\n'
        "- see [the [hum](hum)\n\n"
        "| [a](/b) | c |\n|---|---|\n| d | [e](mailto:e@zorb.example) |\n\n"
        "> as [[Wiki Page|they]] say\n"
    )
    assert links_of(guide) == [
        ("glim", "glim.md#x"),
        ("https://zorb.example/1", "https://zorb.example/1"),
        ("hum", "hum"),
        ("a", "/b"),
        ("e", "mailto:e@zorb.example"),
        ("they", "wiki:Wiki Page"),
    ]


def test_two_links_with_the_same_words_are_two_places(page) -> None:
    guide = page("# T\n\nSee [here](one), then [here](two) and [here](three).")
    (passage,) = guide.passages
    assert links_of(guide) == [("here", "one"), ("here", "two"), ("here", "three")]
    assert [passage.text[: link.start].count("here") for link in passage.markup] == [0, 1, 2]


def test_a_link_without_words_or_inside_code_is_no_link(page) -> None:
    guide = page("# T\n\nA [](one) and `[b](two)`.\n\n```\n[c](three)\n```\n")
    assert links_of(guide) == []


def test_every_part_of_a_long_paragraph_keeps_its_own_links(page) -> None:
    text = " ".join(
        f"See [page {n:02}](p{n}.md) for glim number {n} of a paragraph." for n in range(40)
    )
    guide = page(f"# T\n\n{text}", max_tokens=64)
    assert len(guide.passages) > 3
    assert links_of(guide) == [(f"page {n:02}", f"p{n}.md") for n in range(40)]


WORDS = st.text("ab ", min_size=1, max_size=5).map(str.strip).filter(bool)


def test_links_with_the_same_words_stay_in_their_own_part_of_a_long_paragraph(page) -> None:
    text = " ".join(
        f"See [here](p{n}.md) for glim number {n} of this paragraph." for n in range(40)
    )
    guide = page(f"# Zorb\n\n{text}")
    assert len(guide.passages) > 1
    for passage in guide.passages:
        for link in passage.markup:
            number = link.url.removeprefix("p").removesuffix(".md")
            assert passage.text[link.end :].startswith(f" for glim number {number} of")
    assert [url for _, url in links_of(guide)] == [f"p{n}.md" for n in range(40)]


@given(st.lists(st.tuples(WORDS, st.booleans()), min_size=1, max_size=8))
def test_links_are_in_order_and_do_not_overlap(drawn) -> None:
    source = " ".join(
        f"[{text}](u{n})" if linked else text for n, (text, linked) in enumerate(drawn)
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "p.md").write_text(f"# T\n\nZ {source}")
        parsed = read_page(Path(folder), "p.md", reading_options=ReadingOptions())
    (passage,) = parsed.passages
    ends = [0, *(link.end for link in passage.markup)]
    assert all(
        end <= link.start < link.end for end, link in zip(ends, passage.markup, strict=False)
    )
    assert [(passage.text[link.start : link.end], link.url) for link in passage.markup] == [
        (" ".join(text.split()), f"u{n}") for n, (text, linked) in enumerate(drawn) if linked
    ]


# -- Lists and tables -----------------------------------------------------------------------


def groups_of(guide: Guide) -> list[list[tuple[str, int, int]]]:
    """The kind, the number and the length of each list and table, by passage."""
    return [[(g.kind, g.number, g.total) for g in p.groups] for p in guide.passages]


def test_a_passage_knows_its_lists_and_tables_and_their_sentences(page) -> None:
    guide = page(
        "# T\n\nFirst. Then:\n\n1. one. And more.\n\n   ```\n   code\n   ```\n"
        "2. two\n   - three\n\n"
        "<!-- -->\n\n1. other\n\n| A | B |\n|---|---|\n| c | d |\n"
    )
    (passage,) = guide.passages
    assert groups_of(guide) == [[("list", 0, 3), ("list", 1, 1), ("table", 2, 1)]]
    texts = [
        [passage.slice(s) for s in passage.sentences[g.first : g.last + 1]] for g in passage.groups
    ]
    assert texts == [
        ["one.", "And more.", "code", "two", "three"],
        ["other"],
        ["A | B", "c | d"],
    ]
    assert [group.header for group in passage.groups] == [None, None, (1, 9)]


def test_every_part_of_a_long_table_knows_its_length_and_its_header(page) -> None:
    rows = "".join(f"| zorb {n} | {n} glims of blorange |\n" for n in range(60))
    guide = page(f"# T\n\nAll of them:\n\n| Zorb | Weight |\n|---|---|\n{rows}", max_tokens=64)
    assert len(guide.passages) > 4
    assert {total for own in groups_of(guide) for _, _, total in own} == {60}
    (place,) = {group.header for passage in guide.passages for group in passage.groups}
    first = guide.passages[place[0] - 1]
    assert first.slice(first.sentences[place[1]]) == "Zorb | Weight"


def test_the_header_of_a_long_table_is_searched_with_every_part_of_it_and_quoted_once(page) -> None:
    rows = "".join(f"| zorb {n} | {n} glims of blorange |\n" for n in range(60))
    guide = page(f"# T\n\n| Zorb | Weight |\n|---|---|\n{rows}\nThe end.", max_tokens=64)
    assert all("Zorb | Weight" in passage.search_text for passage in guide.passages)
    assert all(estimate_tokens(passage.search_text) <= 64 for passage in guide.passages)
    assert sum("Zorb | Weight" in passage.text for passage in guide.passages) == 1


def test_a_header_that_would_take_the_place_of_the_rows_is_not_searched_with_them(page) -> None:
    header = " ".join(f"word{n}" for n in range(20))
    rows = "".join(f"| zorb {n} | {n} glims |\n" for n in range(60))
    guide = page(f"# T\n\n| Zorb | {header} |\n|---|---|\n{rows}", max_tokens=64)
    assert sum(header in passage.search_text for passage in guide.passages) == 1


def test_every_part_of_a_long_list_knows_its_length(page) -> None:
    items = "".join(f"{n}. zorb number {n} glims all day\n" for n in range(1, 41))
    guide = page(f"# T\n\n{items}\nEnd.", max_tokens=64)
    assert len(guide.passages) > 3
    assert [own for own in groups_of(guide) if own] == [[("list", 0, 40)]] * sum(
        bool(own) for own in groups_of(guide)
    )


def test_a_text_without_markup_and_lists_has_no_structure(page) -> None:
    assert [passage.structure for passage in page("# T\n\nA. B.").passages] == [""]


def test_no_sentence_ends_inside_inline_code(page):
    guide = page("# Row\n\nUse the `?` Operator. Run `row! Fast` now. Is it `wet`? Yes.\n")
    (passage,) = guide.passages
    assert [passage.slice(sentence) for sentence in passage.sentences[1:]] == [
        "Use the ? Operator.",
        "Run row! Fast now.",
        "Is it wet?",
        "Yes.",
    ]


def test_a_passage_does_not_begin_with_the_indentation_of_an_item(page) -> None:
    inner = "\n\n    ".join(f"Sentence {n} says a little more than nothing." for n in range(40))
    guide = page(f"# T\n\n- outer\n  - inner\n\n    {inner}\n", max_tokens=64)
    assert len(guide.passages) > 3
    assert all(passage.text == passage.text.lstrip() for passage in guide.passages)


def code_of(words: int) -> str:
    return '```js title="boat.js"\n' + "\n".join(f"row{n}();" for n in range(words)) + "\n```"


def test_the_label_of_code_stands_in_the_passage_of_its_code(page) -> None:
    guide = page(f"# T\n\n{LONG[:900]}\n\nThe file is this:\n\n{code_of(12)}", max_tokens=128)
    assert len(guide.passages) > 1
    assert guide.passages[-1].text.startswith("The file is this:\n\nboat.js\n\nrow0();")


def test_a_label_stands_with_code_that_is_longer_than_a_passage(page) -> None:
    guide = page(f"# T\n\n{LONG[:900]}\n\n{code_of(200)}", max_tokens=64)
    assert guide.passages[-1].text.startswith("boat.js\n\nrow0();")


def test_many_lines_that_may_be_labels_are_cut_into_passages(page) -> None:
    lines = [f"a line without an end {n}" for n in range(300)]
    guide = page("# T\n\n" + "\n\n".join(lines), max_tokens=64)
    assert len(guide.passages) > 20
    text = "\n\n".join(passage.text for passage in guide.passages)
    assert text.split("\n\n")[1:] == lines
