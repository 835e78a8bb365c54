"""Pages in Confluence's storage format, and exported spaces, are read as Confluence shows them."""

from __future__ import annotations

import re
from html import escape

import pytest

from assistant.errors import GuideError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.readers import reader_for


def parts(path: str, source: str) -> list[tuple[str, str]]:
    reader = reader_for(path)
    parsed = reader.parse(reader.decode(path, source.encode()).text)
    return [(block.kind, block.text) for block in parsed]


def links(path: str, source: str) -> list[tuple[str, str]]:
    reader = reader_for(path)
    parsed = reader.parse(reader.decode(path, source.encode()).text)
    return [(link.title, link.url) for block in parsed for link in block.links]


def macro(name: str, body: str = "", *, code: str = "", **parameters: str) -> str:
    written = "".join(
        f'<ac:parameter ac:name="{key}">{value}</ac:parameter>' for key, value in parameters.items()
    )
    text = f"<ac:rich-text-body>{body}</ac:rich-text-body>" if body else ""
    plain = f"<ac:plain-text-body><![CDATA[{code}]]></ac:plain-text-body>" if code else ""
    return (
        f'<ac:structured-macro ac:name="{name}" ac:schema-version="1">{written}{text}{plain}'
        "</ac:structured-macro>"
    )


# -- a page ---------------------------------------------------------------------------------------

PAGE = f"""<ac:layout><ac:layout-section ac:type="single"><ac:layout-cell>
<h1>Ropes &amp; lines</h1>{macro("toc", maxLevel="2")}
<p>Thin&nbsp;ropes are {macro("status", colour="Green", title="READY")} &rsquo;now&rsquo;.</p>
{macro("warning", "<p>Never cut it.</p>", title="Mind")}
{macro("expand", "<p>All of it.</p>", title="More")}
{macro("code", code="if x < 1 && y:" + chr(10) + "    &nbsp;", language="py", title="Run")}
<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>
<ac:task-body>Buy rope</ac:task-body></ac:task></ac:task-list>
<table><tbody><tr><th>Name</th><th>Due</th></tr>
<tr><td><p>thin</p></td><td><time datetime="2026-11-30" /></td></tr></tbody></table>
</ac:layout-cell></ac:layout-section></ac:layout>
"""


@pytest.mark.parametrize("path", ["a.xml", "a.xhtml", "a.html"])
def test_a_page_is_read_with_its_macros_tasks_and_tables(path: str) -> None:
    assert parts(path, PAGE) == [
        ("heading", "Ropes & lines"),
        ("prose", "Thin ropes are READY ’now’."),
        ("prose", "Mind"),
        ("prose", "Never cut it."),
        ("prose", "More"),
        ("prose", "All of it."),
        ("prose", "Run"),
        ("code", "if x < 1 && y:\n    &nbsp;"),
        ("item", "Buy rope"),
        ("header", "Name | Due"),
        ("row", "thin | 2026-11-30"),
    ]


def test_every_block_of_a_page_is_on_its_line() -> None:
    reader = reader_for("a.xml")
    source = f'<?xml version="1.0"?>\n<!DOCTYPE html>\n{PAGE}'
    read = reader.parse(reader.decode("a.xml", source.encode()).text)
    lines = {block.text: block.lines[0] for block in read}
    assert (lines["Ropes & lines"], lines["Mind"], lines["Buy rope"]) == (4, 6, 11)
    assert lines["thin | 2026-11-30"] == 13


def test_links_lead_to_pages_by_their_titles() -> None:
    page = '<ri:page ri:content-title="{}"{}/>'
    own = page.format("All ropes", "")
    source = f"""<p>
<ac:link>{own}</ac:link>,
<ac:link ac:anchor="Thin">{own}<ac:plain-text-link-body><![CDATA[thin <1>]]>
</ac:plain-text-link-body></ac:link>,
<ac:link ac:anchor="here"><ac:link-body>this <b>place</b></ac:link-body></ac:link>,
<ac:link>{page.format("Elsewhere", ' ri:space-key="X"')}</ac:link>,
<ac:link><ri:attachment ri:filename="list.pdf"/></ac:link>,
<ac:link><ri:user ri:userkey="77"/></ac:link><a href="https://example.com/">Home</a>
<ac:image ac:alt="A boat"><ri:attachment ri:filename="boat.png"/></ac:image></p>
"""
    assert parts("a.xml", source) == [
        ("prose", "All ropes, thin <1> , this place, Elsewhere, list.pdf, Home"),
    ]
    assert links("a.xml", source) == [
        ("All ropes", "wiki:All ropes"),
        ("thin <1>", "wiki:All ropes#Thin"),
        ("this place", "#here"),
        ("list.pdf", "list.pdf"),
        ("Home", "https://example.com/"),
    ]


def test_what_confluence_computes_and_what_is_not_shown_is_left_out() -> None:
    shown = macro("panel", f"<p>One{macro('anchor', **{'': 'x'})}</p>")
    hidden = macro("children", all="true") + macro("profile", user="Ann")
    hidden += "<p><ac:placeholder>Write here</ac:placeholder></p>"
    cloud = (
        '<ac:adf-extension><ac:adf-node type="panel"><ac:adf-attribute key="t">note'
        "</ac:adf-attribute><ac:adf-content><p>Two</p></ac:adf-content></ac:adf-node>"
        "<ac:adf-fallback><p>Two</p></ac:adf-fallback></ac:adf-extension>"
    )
    formula = (
        '<p>Here <ac:structured-macro ac:name="easy-math-inline"><ac:parameter ac:name="body">x^2'
        "</ac:parameter></ac:structured-macro> stands.</p>"
    )
    included = macro("include", **{"": '<ac:link><ri:page ri:content-title="Knots"/></ac:link>'})
    source = shown + hidden + cloud + formula + included + macro("plantuml", code="a -> b")
    assert parts("a.xml", source) == [
        ("prose", "One"),
        ("prose", "Two"),
        ("prose", "Here x^2 stands."),
        ("prose", "Knots"),
        ("code", "a -> b"),
    ]
    assert links("a.xml", source) == [("Knots", "wiki:Knots")]


def test_a_page_that_is_no_xml_is_read_as_html() -> None:
    source = '<p>One<p>Two <ac:structured-macro ac:name="info">three <b>four'
    assert parts("a.html", source) == [("prose", "One"), ("prose", "Two three four")]


WORDS = " ".join(f"w{number}" for number in range(6, 2_000))
EVERYTHING = f"""<h2>w1</h2>
{macro("info", f"<p>w3 {macro('status', title='w4')}</p>", title="w2")}
<p><ac:inline-comment-marker ac:ref="1">w5</ac:inline-comment-marker> {WORDS}</p>
{macro("unknown", "<ul><li>w2000</li></ul>" + macro("noformat", code="w2001"))}
<table><tr><td>w2002</td>
<td><ac:link><ri:page ri:content-title="w2003"/></ac:link></td></tr></table>
"""


def test_every_word_of_a_page_is_in_a_passage_once_and_in_order(tmp_path) -> None:
    (tmp_path / "a.xml").write_text(EVERYTHING)
    page = read_page(tmp_path, "a.xml", reading_options=ReadingOptions())
    words = re.findall(r"w\d+", "\n".join(passage.text for passage in page.passages))
    assert words == [f"w{number}" for number in range(1, 2_004)]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('<!DOCTYPE x [<!ENTITY a "haha">]><ac:x>&a;</ac:x>', "declares entities"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><ri:x>&a;</ri:x>', "entities"),
        ("<ac:a>" * 500 + "</ac:a>" * 500, "more than 400 deep"),
    ],
    ids="entities file deep".split(),
)
def test_a_hostile_page_is_an_error_that_says_why(source: str, reason: str) -> None:
    with pytest.raises(GuideError, match=reason):
        reader_for("a.xml").decode("a.xml", source.encode())


# -- a space --------------------------------------------------------------------------------------


def page(number: int, title: str, *, parent: int = 0, more: str = "", status: str = "") -> str:
    above = f'<property name="parent" class="Page"><id name="id">{parent}</id></property>'
    return (
        f'<object class="Page" package="com.atlassian.confluence.pages"><id name="id">{number}</id>'
        f'<property name="title"><![CDATA[{title}]]></property>{above if parent else ""}{more}'
        f'<property name="contentStatus"><![CDATA[{status or "current"}]]></property></object>'
    )


def body(number: int, text: str) -> str:
    inner = text.replace("]]>", "]] >")
    return (
        f'<object class="BodyContent"><id name="id">{1000 + number}</id>'
        f'<property name="body"><![CDATA[{inner}]]></property>'
        f'<property name="content" class="Page"><id name="id">{number}</id></property></object>'
    )


def space(*objects: str) -> str:
    name = (
        '<object class="Space"><id name="id">9</id><property name="name">Boats</property></object>'
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<hibernate-generic datetime="2026-11-30">'
    return f"{head}{name}{''.join(objects)}</hibernate-generic>"


OLDER = '<property name="originalVersion" class="Page"><id name="id">1</id></property>'
SPACE = space(
    page(3, "Thin ropes", parent=2),
    body(3, "<p>Of silk.</p>" + macro("code", code="a < b")),
    page(1, "Home"),
    body(1, '<h1>All</h1><p>See <ac:link><ri:page ri:content-title="Thin ropes"/></ac:link>, '
            '<ac:link><ri:page ri:content-title="Gone"/></ac:link>.</p>'),
    page(2, "Ropes & lines", parent=1),
    page(4, "Old", more=OLDER),
    body(4, "<p>old</p>"),
    page(5, "Draft", status="draft"),
    body(5, "<p>draft</p>"),
    '<object class="Comment"><id name="id">6</id></object>',
    body(6, "<p>comment</p>"),
)  # fmt: skip


def test_a_space_has_a_section_for_each_page_below_the_page_above_it() -> None:
    reader = reader_for("entities.xml")
    source = reader.decode("entities.xml", SPACE.encode())
    assert source.title == "Boats"
    assert [(b.kind, b.level, b.text, b.anchor) for b in reader.parse(source.text)] == [
        ("heading", 2, "Home", "Home"),
        ("heading", 3, "All", ""),
        ("prose", 0, "See Thin ropes, Gone.", ""),
        ("heading", 2, "Ropes & lines", "Ropes_&_lines"),
        ("heading", 2, "Thin ropes", "Thin_ropes"),
        ("prose", 0, "Of silk.", ""),
        ("code", 0, "a < b", ""),
    ]
    assert links("entities.xml", SPACE) == [("Thin ropes", "#Thin_ropes")]


def test_pages_in_a_circle_are_all_read() -> None:
    source = space(page(1, "A", parent=2), page(2, "B", parent=1), body(1, "a"), body(2, "b"))
    assert [text for kind, text in parts("entities.xml", source) if kind == "prose"] == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<hibernate-generic><object>", "it is damaged"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><hibernate-generic>&a;</hibernate-generic>', "entities"),
        (f"<hibernate-generic>{'<x>' * 400}{'</x>' * 400}</hibernate-generic>", "150 deep"),
        (f"<hibernate-generic>{'<x/>' * 1_000_001}</hibernate-generic>", "more than 1,000,000"),
    ],
    ids="damaged entities deep many".split(),
)
def test_a_damaged_or_hostile_export_is_an_error_that_says_why(source: str, reason: str) -> None:
    with pytest.raises(GuideError, match=reason) as raised:
        reader_for("entities.xml").decode("entities.xml", source.encode())
    start = "entities.xml cannot be read as an export of a space of Confluence: "
    assert raised.value.message.startswith(start)


def test_a_page_with_entities_inside_a_space_is_an_error() -> None:
    source = space(page(1, "A"), body(1, escape('<!DOCTYPE x [<!ENTITY a "b">]><p>&a;</p>')))
    plain = source.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    with pytest.raises(GuideError, match="declares entities"):
        reader_for("entities.xml").decode("entities.xml", plain.encode())
