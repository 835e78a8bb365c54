"""Tags of template languages become the text that they show, and code inside them stays code."""

from __future__ import annotations

import pytest

from assistant.readers.dialects import convert_to_commonmark
from assistant.readers.markdown import parse_markdown


def parts(source: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parse_markdown(source) if block.text]


def texts(source: str) -> list[str]:
    return [text for _, text in parts(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('Ask in {% chat_room "boat-help" %}.', "Ask in boat-help."),
        ('Ask {% person "anna" "Anna of the crew" %}.', "Ask Anna of the crew."),
        ('A {{< tooltip text="keel" >}} holds.', "A keel holds."),
        ('A {{< term term_id="main-sail" >}} fills.', "A main sail fills."),
        ('Since {{< new-in "0.12" >}} it floats.', "Since 0.12 it floats."),
        ("{% if wet %}Wear boots.{% endif %}", "Wear boots."),
        ('Row {{ "slowly" | upcase }}.', "Row slowly."),
        ('{% include note.html content="Use `bail` first." %}', "Use bail first."),
        ('Write {{</* tab "Sea" */>}} for a tab.', 'Write {{< tab "Sea" >}} for a tab.'),
        ("Write `{% if %}` or `{{ wet }}`.", "Write {% if %} or {{ wet }}."),
    ],
)
def test_a_tag_in_a_sentence_shows_its_text(source: str, expected: str) -> None:
    assert texts(source) == [expected]


@pytest.mark.parametrize(
    "tag",
    [
        '{% include "boat.html" %}',
        '{% picture_image "boat.png" "wide" %}',
        '{% set colour = "red" %}',
        '{% notice "warning" %}',
        '{{< alert "circle-info" >}}',
        "{{ page.title }}",
        '{{< tabs "boats" >}}',
        '{{% include "boat.md" %}}',
        '{{< img "boats/red.png" >}}',
        "{{< /tab >}}",
    ],
)
def test_a_tag_without_text_shows_nothing(tag: str) -> None:
    assert texts(f"Before.\n\n{tag}\n\nAfter.") == ["Before.", "After."]


@pytest.mark.parametrize(
    "tag",
    [
        '{% page "/boats/#red" %}',
        '{{< ref "/boats/#red" >}}',
        '{{% relref "/boats/#red" %}}',
        "{% link /boats/#red %}",
        '{{ "/boats/#red" | relative_url }}',
    ],
)
def test_a_tag_that_stands_for_an_address_is_the_address(tag: str) -> None:
    (block,) = parse_markdown(f"See [the boats]({tag}).")
    assert [(link.title, link.url) for link in block.links] == [("the boats", "/boats/#red")]


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ('{{< tab "Linux" >}}', "{{< /tab >}}"),
        ('{{< tab header="Linux" >}}', "{{< /tab >}}"),
        ('{{% tab name="Linux" %}}', "{{% /tab %}}"),
        ('{{< expand "Linux" >}}', "{{< /expand >}}"),
        ('{% alert "info" "Linux" %}', "{% endalert %}"),
        ('{{% notice note "Linux" %}}', "{{% /notice %}}"),
        ("{{% details title='Linux' open=true %}}", "{{% /details %}}"),
        ('{{< tab\n  title="Linux"\n>}}', "{{< /tab >}}"),
        ('{% tab title="Linux" %}', "{% endtab %}"),
    ],
)
def test_a_tag_on_its_own_line_is_the_title_of_what_follows(opens: str, closes: str) -> None:
    assert texts(f"{opens}\nRun it.\n{closes}\n\nAfter.") == ["Linux", "Run it.", "After."]


@pytest.mark.parametrize(
    ("opens", "closes", "titles"),
    [
        ("{% highlight toml %}", "{% endhighlight %}", []),
        ('{{< highlight toml "linenos" >}}', "{{< / highlight >}}", []),
        ("{{< code-toggle file=boat >}}", "{{< /code-toggle >}}", []),
        ('{{< tab header="Boat" lang="toml" >}}', "{{< /tab >}}", ["Boat"]),
    ],
)
def test_code_inside_a_tag_is_a_fence(opens: str, closes: str, titles: list[str]) -> None:
    code = '[[boats]]\n# red\nname = "{{ x }}"'
    expected = [*(("prose", title) for title in titles), ("code", code), ("prose", "After.")]
    assert parts(f"{opens}\n{code}\n{closes}\nAfter.") == expected


def test_tabs_of_a_pane_are_code_unless_it_says_that_they_are_text() -> None:
    tabs = (
        '{{{{< tabpane {} >}}}}\n{{{{< tab header="Sea" >}}}}\n# row\n'
        "{{{{< /tab >}}}}\n{{{{< /tabpane >}}}}"
    )
    assert parts(tabs.format('lang="sh"')) == [("prose", "Sea"), ("code", "# row")]
    assert parts(tabs.format("")) == [("prose", "Sea"), ("code", "# row")]
    assert parts(tabs.format("text=true")) == [("prose", "Sea"), ("heading", "row")]


def test_code_inside_a_tag_stays_in_its_item() -> None:
    source = "1. One\n   {{< highlight sh >}}\n   # row\n   {{< /highlight >}}\n2. Two"
    blocks = [(block.kind, block.text, block.marker) for block in parse_markdown(source)]
    assert blocks == [("item", "One", "1. "), ("code", "# row", ""), ("item", "Two", "2. ")]


def test_a_fence_inside_a_tag_is_no_fence_in_a_fence() -> None:
    source = '{% code title="a.toml" lang="toml" %}\n```toml\nb = 1\n```\n{% endcode %}'
    assert parts(source) == [("prose", "a.toml"), ("code", "b = 1")]


def test_a_tag_that_nothing_closes_begins_no_code() -> None:
    assert texts("{{< highlight toml >}}\n\nText.\n\nMore.") == ["Text.", "More."]


def test_a_tag_between_rows_does_not_end_a_table() -> None:
    rows = "<tr><td>{}</td></tr>"
    source = "\n".join(
        ["<table>", rows.format("One"), "{% if x %}", rows.format("Two"), "{{ x }}", "</table>"]
    )
    assert parts(source) == [("row", "One"), ("row", "Two")]


def test_a_tag_in_a_cell_is_a_word_of_the_row() -> None:
    source = '<table>\n<tr><td>Room</td><td>\n{% room "Bay" %}\n</td></tr>\n</table>'
    assert parts(source) == [("row", "Room | Bay")]


def test_a_tag_over_several_lines_does_not_end_its_paragraph() -> None:
    source = 'Ask {% room\n  "Bay"\n%} for help.\nSoon.'
    assert texts(source) == ["Ask Bay for help. Soon."]
    assert convert_to_commonmark(source).count("\n") == source.count("\n")


def test_an_embedded_address_is_a_link() -> None:
    (block,) = parse_markdown('{% embed url="https://boats.example/film" %}')
    assert [link.url for link in block.links] == ["https://boats.example/film"]


def test_a_hidden_block_of_a_shortcode_is_not_text() -> None:
    assert texts("{{< comment >}}\nhidden\n{{< /comment >}}\n\nShown.") == ["Shown."]


# -- pairs of tags, and marks shown as examples ------------------------------------------------


@pytest.mark.parametrize(
    "complete", ["{{< code-toggle config=sails />}}", "{{< code-toggle config=sails >}}"]
)
def test_a_tag_without_content_does_not_make_code_of_the_text_after_it(complete: str) -> None:
    source = f"""{complete}

Set the **main** sail.

{{{{< code-toggle file=boat >}}}}
sail = 'main'
{{{{< /code-toggle >}}}}"""
    assert parts(source) == [("prose", "Set the main sail."), ("code", "sail = 'main'")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("```\n{{</* buoy red */>}}\n```", "{{< buoy red >}}"),
        ("```\n{{%/* buoy */%}}\nSea\n{{%/* /buoy */%}}\n```", "{{% buoy %}}\nSea\n{{% /buoy %}}"),
        ("```\n{{</*/* buoy */*/>}}\n```", "{{</* buoy */>}}"),
        ("Write `{{</* buoy */>}}`.", "Write {{< buoy >}}."),
        ("```c\nrow(); /* fast */\n```", "row(); /* fast */"),
    ],
)
def test_a_shortcode_written_as_a_comment_is_shown_as_a_shortcode(
    source: str, expected: str
) -> None:
    assert texts(source) == [expected]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('Begin with `{{ "{{" }}`.', "Begin with {{."),
        ("End with {{ '}}' }} here.", "End with }} here."),
        ('Between {{ "{{" }} boat {{ "}}" }} it shows.', "Between {{ boat }} it shows."),
        ('A tag is {{ "{%" }} row {{ "%}" }}.', "A tag is {% row %}."),
    ],
)
def test_braces_written_as_a_string_are_braces(source: str, expected: str) -> None:
    assert texts(source) == [expected]


def test_the_badge_of_a_version_is_a_word_of_its_sentence() -> None:
    tag = '{% include harbour_badge.html version="2.5" %}'
    assert texts(f"Since Kestrel {tag}, it floats.") == ["Since Kestrel 2.5, it floats."]
    assert texts(f"It floats.\n\n{tag}\n") == ["It floats."]
