"""Markdown dialects are converted to what a reader of the published page sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.readers.dialects import WIKI_SCHEME, convert_to_commonmark
from assistant.readers.markdown import parse_markdown, parse_mdx
from assistant.readers.mdx import LABEL_MARK


def texts(source: str) -> list[str]:
    return [block.text for block in parse_markdown(source) if block.text]


def parts(source: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parse_markdown(source) if block.text]


# -- admonitions, tabs, cards -------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        '!!! note "Mind this"\n    Inside.\n\nAfter.',
        '??? note "Mind this"\n    Inside.\n\nAfter.',
        '???+ note inline end "Mind this"\n\n    Inside.\n\nAfter.',
        "> [!NOTE] Mind this\n> Inside.\n\nAfter.",
        "> [!note]- Mind this\n> Inside.\n\nAfter.",
        ":::note[Mind this]\nInside.\n:::\n\nAfter.",
        ":::note Mind this\n\nInside.\n\n:::\n\nAfter.",
        "::: note Mind this\nInside.\n:::\nAfter.",
        ":::{note} Mind this\nInside.\n:::\nAfter.",
        "```{note} Mind this\nInside.\n```\nAfter.",
        "```{admonition} Mind this\n:class: tip\nInside.\n```\nAfter.",
        "/// note | Mind this\nInside.\n///\nAfter.",
    ],
)
def test_an_admonition_is_its_title_and_its_text(source: str) -> None:
    assert texts(source) == ["Mind this", "Inside.", "After."]


@pytest.mark.parametrize(
    "marker", ["!!! note", "??? warning", "> [!TIP]", ":::tip", ":::{tip}", "```{tip}", "/// tip"]
)
def test_the_kind_of_an_admonition_is_not_text(marker: str) -> None:
    inside = {"!": "    Inside.", "?": "    Inside.", ">": "> Inside."}.get(marker[0], "Inside.")
    close = marker.partition("{")[0].rstrip(" tip") if marker[0] in ":`/" else ""
    assert texts(f"{marker}\n{inside}\n{close}\n\nAfter.") == ["Inside.", "After."]


def test_exclamation_marks_are_text() -> None:
    assert texts("!!! really\n\nNothing stands under it.") == [
        "!!! really",
        "Nothing stands under it.",
    ]


def test_content_under_a_marker_is_markdown_at_the_margin() -> None:
    source = (
        '!!! tip "T"\n\n    - item\n\n    ```py\n    # code\n    ```\n\n    ## Heading\n\nAfter.'
    )
    assert parts(source) == [
        ("prose", "T"),
        ("item", "item"),
        ("code", "# code"),
        ("heading", "Heading"),
        ("prose", "After."),
    ]


def test_tabs_and_admonitions_nest() -> None:
    source = (
        '=== "One"\n\n    First.\n\n    !!! note "Deep"\n        Deeper.\n\n=== "Two"\n\n'
        "    Second.\n\nAfter."
    )
    assert texts(source) == ["One", "First.", "Deep", "Deeper.", "Two", "Second.", "After."]


def test_an_admonition_in_a_list_stays_in_its_item() -> None:
    source = '1. Step\n\n    !!! note "Careful"\n        Hot.\n\n2. Next'
    items = [(block.text, block.marker) for block in parse_markdown(source)]
    assert [text for text, _ in items] == ["Step", "Careful", "Hot.", "Next"]
    assert items[-1][1] == "2. "


def test_code_that_shows_an_admonition_is_code() -> None:
    code = '!!! note "T"\n    Text\n\n:::tip\n=== "x"\n[[link]] ==mark== {{ x }} %%c%%'
    assert texts(f"```\n{code}\n```") == [code]
    assert texts("`!!! note` and `==x==` and `[[y]]`") == ["!!! note and ==x== and [[y]]"]


@pytest.mark.parametrize("language", ["{r}", "{python}", "{code-block} python", "{mermaid}"])
def test_a_code_directive_is_code(language: str) -> None:
    assert parts(f"```{language}\n# x <- 1\n```") == [("code", "# x <- 1")]


def test_a_generated_table_of_contents_is_not_text() -> None:
    for mark in ("[TOC]", "[[_TOC_]]", "[[toc]]", "```{toctree}\na\nb\n```", "* x\n{:toc}"):
        assert texts(f"Before.\n\n{mark}\n\nAfter.") == ["Before.", "After."], mark


# -- Jekyll, Hugo -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a {{ site.title }} b", ["a b"]),
        ("a {% if x %}b{% endif %}", ["a b"]),
        ("{% comment %}\nno\n{% endcomment %}\nyes", ["yes"]),
        ("{::comment}\nno\n{:/comment}\n\nyes", ["yes"]),
        ("[a]({{ site.baseurl }}/b/)", ["a"]),
        ('{{< figure src="x.png" caption="Shown here" >}}', ["Shown here"]),
        ("{{% notice %}}\nInside.\n{{% /notice %}}", ["Inside."]),
        ("{% highlight ruby %}\nputs '# x'\n{% endhighlight %}\n\nafter", ["puts '# x'", "after"]),
        ("*[HTML]: Hyper Text\n\nHTML", ["HTML"]),
        ('<aside markdown="1">\nSee [this](a.md).\n</aside>', ["See this."]),
        ('<p markdown="1" class="c">\n    — [a](b.md)\n</p>', ["— a"]),
    ],
)
def test_instructions_to_the_site_generator_are_not_text(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


def test_a_link_behind_a_variable_is_a_link() -> None:
    (block,) = parse_markdown("[a]({{ site.baseurl }}/b/)")
    assert [link.url for link in block.links] == ["/b/"]


def test_braces_around_no_variable_are_text() -> None:
    assert texts("Write {a} or {{}} or { b }.") == ["Write {a} or {{}} or { b }."]


# -- Obsidian -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "shown", "address"),
    [
        ("[[Page]]", "Page", f"{WIKI_SCHEME}Page"),
        ("[[Page|label]]", "label", f"{WIKI_SCHEME}Page"),
        ("[[Page One#Part|label]]", "label", f"{WIKI_SCHEME}Page One#Part"),
        ("[[Page#Part]]", "Page > Part", f"{WIKI_SCHEME}Page#Part"),
        ("[[#Part]]", "Part", f"{WIKI_SCHEME}#Part"),
    ],
)
def test_a_wiki_link_is_a_link(source: str, shown: str, address: str) -> None:
    (block,) = parse_markdown(f"See {source}.")
    assert block.text == f"See {shown}."
    assert [link.url.replace("%20", " ") for link in block.links] == [address]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a ![[picture.png]] b", ["a b"]),
        ("a %%hidden%% b", ["a b"]),
        ("%%\nhidden\n\n# hidden\n%%\n\nb", ["b"]),
        ("a ==marked text== b", ["a marked text b"]),
        ("a ^block-id", ["a"]),
        ("if a == b and c == d", ["if a == b and c == d"]),
        ("[[1]](https://a.example)", ["[1]"]),
        ("if [[ -f x ]]; then", ["if [[ -f x ]]; then"]),
    ],
)
def test_marks_of_obsidian_are_not_text(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


# -- MyST, attributes, emoji ----------------------------------------------------------------------


def test_a_target_is_the_anchor_of_the_next_heading() -> None:
    (block,) = parse_markdown("(own)=\n# Title")
    assert (block.text, block.anchor) == ("Title", "own")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{ref}`Title <target>` and {kbd}`C`", ["Title and C"]),
        ("**a**{ title='t' } b", ["a b"]),
        ("![](x.png){ align=right width=300 } b", ["b"]),
        ('{ style="display: inline" }\n\nb', ["b"]),
        ("[a](b){ data-preview } c", ["a c"]),
        ("Set {a, b} and {c: 1}.", ["Set {a, b} and {c: 1}."]),
        ("Ship it :rocket: at 10:30:45", ["Ship it \U0001f680 at 10:30:45"]),
        (":material-check: done :octicons-x-16:{ .lg }", ["done"]),
        ("a :notanemojiatall: b", ["a :notanemojiatall: b"]),
        ('``` py title="main.py"\nx\n```', ["main.py", "x"]),
    ],
)
def test_attributes_roles_and_emoji_become_what_a_reader_sees(
    source: str, expected: list[str]
) -> None:
    assert texts(source) == expected


def test_removing_a_mark_moves_no_list() -> None:
    source = "-   :material-check: **One**\n\n    ---\n\n    Inside the item.\n\n-   Two"
    assert parts(source) == [("item", "One"), ("item", "Inside the item."), ("item", "Two")]


def test_marks_in_verbatim_html_stay() -> None:
    assert texts("<!--\n```\n!!! note\n-->\n\nb") == ["b"]
    assert texts("<pre>\n!!! x\n    {{ y.z }}\n</pre>") == ["!!! x\n    {{ y.z }}"]


PIECES = """
!!! note¶|    in¶|=== "T"¶|:::tip¶|:::¶|```{note}¶|```¶|~~~¶|> [!NOTE]¶|> q¶|%%¶|%%x%%|[[a]]
|![[b]]|==c==|{{ d }}|{% e %}¶|{% comment %}¶|{% endcomment %}¶|<!--¶|-->¶|<div markdown="1">¶
|</div>¶|<pre>¶|</pre>¶|(t)=¶|# H¶|- i¶|¶|{: .x}¶|{ .y }|:tada:|`|``|/// tip¶|///¶|::: a.b¶|word
|\\|{::comment}¶|{% highlight x %}¶|<Tab a={¶|}>|import {¶
"""
DIALECT = st.lists(
    st.sampled_from(["\u2028", "\t", *PIECES.replace("\n", "").replace("¶", "\n").split("|")]),
    max_size=25,
).map("".join)


@given(DIALECT)
def test_no_line_is_added_or_removed(source: str) -> None:
    assert convert_to_commonmark(source).count("\n") == source.count("\n")
    assert convert_to_commonmark(source, mdx=True).count("\n") == source.count("\n")


@given(DIALECT)
def test_blocks_of_any_dialect_are_in_order_within_the_file(source: str) -> None:
    last = source.count("\n") + 1
    for parse in (parse_markdown, parse_mdx):
        lines = [block.lines for block in parse(source)]
        assert all(1 <= first <= end <= last for first, end in lines)
        assert [first for first, _ in lines] == sorted(first for first, _ in lines)


def test_the_mark_of_a_label_is_never_shown() -> None:
    assert LABEL_MARK not in "".join(
        texts(f'!!! note "T {LABEL_MARK}"\n    a {LABEL_MARK} b\n\n# {LABEL_MARK}x')
    )


def test_icons_are_not_text_and_leave_no_space() -> None:
    source = 'Press **Row** ![[oar.svg#icon]]. Then rest.\n\n- <i class="fa-oar">:oar:</i> Oars\n'
    for icon in ("![](oar.svg)", '<picture><img src="oar.svg"></picture>'):
        assert parse_markdown(f"Press **Row** {icon}, or `x` {icon}.")[0].text == "Press Row, or x."
    blocks = parse_markdown(source)
    assert [block.text for block in blocks] == ["Press Row. Then rest.", "Oars"]


def test_code_between_raw_tags_in_a_highlight_is_code() -> None:
    source = (
        "{% highlight diff %}\n{% raw %}\n- {{ oar }}\n{% endraw %}\n{% endhighlight %}\n\nEnd.\n"
    )
    blocks = parse_markdown(source)
    assert [(block.kind, block.text) for block in blocks] == [
        ("code", "- {{ oar }}"),
        ("prose", "End."),
    ]
