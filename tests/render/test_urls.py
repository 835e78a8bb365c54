"""Where what an answer names is read."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from drawn import citation

from assistant.render import urls


def test_a_section_is_read_in_our_reader_or_on_the_published_site():
    assert urls.section_url("a b/c.md", "é", "a%20b/c.md#x") == "/guide/a%20b/c.md#%C3%A9"
    published = "https://guide.example/c#x"
    assert urls.section_url("c.md", "x", published) == published


def test_every_address_of_ours_begins_with_the_root():
    assert urls.section_url("c.md", "x", "c.md#x", "/help") == "/help/guide/c.md#x"
    assert urls.citation_url(citation("One."), "/help").startswith("/help/guide/a.md?")
    absolute = urls.citation_url(citation("One."), "https://here.example/help")
    assert absolute.startswith("https://here.example/help/guide/a.md?section=one&first=One.")
    assert urls.ask_url("a & b?", "/help") == "/help/?q=a%20%26%20b%3F"
    assert urls.ask_about_url("a.md", "one", "/help") == "/help/?about=a.md%23one"


def test_a_link_names_the_quoted_words_with_its_delimiters_encoded():
    url = urlsplit(urls.citation_url(citation("One\n\n- well-known, R&D")))
    assert url.fragment == f"{urls.QUOTE_ANCHOR}:~:text=well%2Dknown%2C%20R%26D"
    words = ["well-known, R&D"]
    assert parse_qs(url.query) == {"section": ["one"], "first": words, "last": words}


def test_a_link_to_a_long_quote_names_its_two_ends():
    words = [f"w{number}" for number in range(40)]
    url = urls.citation_url(citation(" ".join(words)))
    first, last = urlsplit(url).fragment.partition(":~:text=")[2].split(",")
    assert unquote(first).split() == words[:8]
    assert unquote(last).split() == words[-8:]


def test_a_link_to_the_published_site_names_the_words_in_its_fragment_alone():
    url = urls.citation_url(citation("One. Two.", url="https://guide.example/a/#one"))
    assert url == "https://guide.example/a/#one:~:text=One.%20Two."


def test_a_quote_that_is_its_heading_leads_to_its_section():
    assert urls.citation_url(citation("One")) == "/guide/a.md#one"
