"""Pages whose visible words are known by construction are read whole, once and in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.readers.oracle.reader import broken_promises, read_text
from tests.readers.oracle.rendering import published, words_of
from tests.readers.oracle.writing import TOOLS, Writer, pages
from tests.sizes import size

EXAMPLES = size(25, 3000)
THOROUGH = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
TOKEN = re.compile(r"word\d|unseen\d")
# None of the pages' code holds these, so that in a passage they are marks left over.
MARK = re.compile(r"!!!|\?\?\?|:::|===|\{\{|\{%|%%|\[\[|\]\]|\{:|\{\.|</?[a-zA-Z]|<!--|-->|\[!")


def tokens(text: str) -> list[str]:
    return [word for word in words_of(text) if TOKEN.search(word)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("composed")


@pytest.mark.parametrize("tool", TOOLS)
def test_every_word_of_a_composed_page_is_read_once_and_in_order(tool, folder):
    @THOROUGH
    @given(pages(tool))
    def check(pieces):
        writer = Writer(tool)
        source = writer.page(pieces)
        page = read_text(folder, source, "page.mdx" if tool == "mdx" else "page.md")
        texts = [passage.text for passage in page.passages]
        assert tokens("\n".join(texts)) == writer.words, source
        assert not [text for text in texts if MARK.search(text)], source
        assert broken_promises(page) == [], source

    check()


@pytest.mark.parametrize("tool", TOOLS)
def test_the_independent_rendering_shows_the_words_of_a_composed_page(tool):
    """Check the oracle itself with pages whose words are known."""

    @THOROUGH
    @given(pages(tool))
    def check(pieces):
        writer = Writer(tool)
        source = writer.page(pieces)
        # Python-Markdown takes a link's title in a list for words after a <div> inside a <div>.
        assume(not re.search(r'<div markdown="1">\s+<div markdown="1">', source))
        shown = [word for word in published(source, tool).words if TOKEN.search(word)]
        assert shown == writer.words, source

    check()


MARKUP = st.sampled_from(
    "# ## - * + 1. > ` ``` ~~~ | |- : [ ] ( ) ![ [[ ]] {{ }} {% %} {: } ::: !!! === <!-- --> <div>"
    " </div> <b <script> </details> [^a] [^a]: [x]: %% ** __ ~~ \\ & &amp; \t \n \r\n  \u200b\u202e"
    " --- +++ import export $$ é 中 \ufeff \x00 \x0b".split(" ")
)


@settings(max_examples=size(50, 2000), suppress_health_check=list(HealthCheck))
@given(st.lists(MARKUP | st.text(max_size=8), max_size=40).map(" ".join) | st.text(max_size=300))
def test_any_text_is_read_without_an_exception_or_a_broken_promise(folder, source):
    page = read_text(folder, source.replace("\x00", "").encode("utf-8", "ignore").decode())
    assert broken_promises(page) == [], source
