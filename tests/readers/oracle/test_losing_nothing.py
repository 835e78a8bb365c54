"""Every word that a reader of the published page sees is in one passage, once and in order."""

from __future__ import annotations

import difflib
import json
import re
import tarfile
from collections import Counter
from itertools import takewhile
from pathlib import Path

import pytest

from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import list_files
from tests.conftest import SHARED
from tests.readers.oracle.reader import broken_promises, strayed, words_read
from tests.readers.oracle.rendering import published
from tests.sizes import LONG

EVAL = SHARED / "eval"
TOOLS = {
    "code-with-engineering-playbook": "mkdocs",
    "docsgpt-docs": "mdx",
    "mkdocs-material": "mkdocs",
    "opensource.guide": "jekyll",
    "product-management": "jekyll",
    "ragflow-docs": "mdx",
    "starlette-docs": "mkdocs",
}
# In the short size a guide is read in part, evenly spread; the manuals' archive even more so.
SHORT = 20
ARCHIVED = 100


def need(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


def spread(paths: list[str], most: int) -> list[str]:
    """All paths in the long size, else this many evenly spread."""
    return paths if LONG else paths[:: max(1, len(paths) // most)]


def differences(want: list[str], read: list[str]) -> list[str]:
    """Where two runs of words part, each with the four words before it."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(want, read, strict=False))
    start = sum(1 for _ in pairs)
    # Far apart texts are shown from where they part only: to align them takes too long.
    a, b = want[start : start + 3000], read[start : start + 3000]
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    return [
        f"after …{' '.join([*want[:start], *a[:i]][-4:])}: published {' '.join(a[i:j])[:200]!r},"
        f" read {' '.join(b[k:n])[:200]!r}"
        for what, i, j, k, n in matcher.get_opcodes()
        if what != "equal"
    ]


def losses(folder: Path, paths: list[str], tool: str) -> tuple[list[str], Counter[str]]:
    """Pages that read other words than are published, and what was rightly left out."""
    lost: list[str] = []
    left_out: Counter[str] = Counter()
    for path in paths:
        read = words_read(read_page(folder, path, reading_options=ReadingOptions()))
        source = (folder / path).read_bytes().decode("utf-8-sig")
        want, without = published(source, tool).expected(read)
        left_out += without
        if read != want:
            lost += [f"{path}: {line}" for line in differences(want, read)[:3]]
    return lost, left_out


@pytest.fixture(scope="module")
def manuals(tmp_path_factory) -> Path:
    """The product manuals of the archive, a part of them in the short size."""
    archive = need(EVAL / "aws_docs" / "docs.tar.xz")
    folder = tmp_path_factory.mktemp("manuals")
    gold = set(gold_pages("aws_docs"))
    with tarfile.open(archive) as packed:
        for number, member in enumerate(packed):
            name = member.name.removeprefix("./").removeprefix("docs/")
            wanted = LONG or number % ARCHIVED == 0 or name in gold
            if wanted and member.isfile() and name.endswith(".md"):
                member.name = name
                packed.extract(member, folder, filter="data")
    return folder


def unescaped(heading: str) -> str:
    """A heading of the manuals, whose gold keeps the source's backslashes, as it is shown."""
    return re.sub(r"\\([^\w\s])", r"\1", heading)


def gold_paths(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each page and heading path that a set's questions are answered by."""
    lines = need(EVAL / name / "gold_sections.jsonl").read_text(encoding="utf-8").splitlines()
    headings = [
        (g["doc"], tuple(map(unescaped, g["heading_path"])))
        for line in lines
        for g in json.loads(line)["gold"]
    ]
    return sorted(set(headings))


def gold_pages(name: str) -> list[str]:
    return sorted({page for page, _ in gold_paths(name)})


@pytest.mark.parametrize("name", TOOLS)
def test_no_word_of_a_published_guide_is_lost(name):
    folder = need(SHARED / "guides" / name)
    paths = spread(list(list_files(folder).paths), SHORT)
    lost, left_out = losses(folder, paths, TOOLS[name])
    # Nothing but these kinds may be left out, and each only where the oracle saw it.
    assert set(left_out) <= {"contents", "alt", "label"}
    assert not lost, f"{len(lost)} differences:\n" + "\n".join(lost[:20])


@pytest.mark.parametrize("name", ["doc2dial", "emanual_tv"])
def test_no_word_of_a_question_sets_guide_is_lost(name):
    folder = need(EVAL / name / "docs")
    lost, _ = losses(folder, spread(list(list_files(folder).paths), SHORT), "github")
    assert not lost, "\n".join(lost[:20])


def test_no_word_of_the_manuals_is_lost(manuals):
    paths = list(list_files(manuals).paths)
    lost, _ = losses(manuals, paths, "github")
    assert not lost, f"{len(lost)} differences:\n" + "\n".join(lost[:20])


def missing_gold(folder: Path, name: str) -> list[str]:
    """Heading paths no section ends in: above them may stand the page's title."""
    there = {
        page: [
            s.headings for s in read_page(folder, page, reading_options=ReadingOptions()).sections
        ]
        for page in gold_pages(name)
    }
    return [
        f"{page}: {path}"
        for page, path in gold_paths(name)
        if not any(headings[-len(path) :] == path for headings in there[page])
    ]


@pytest.mark.parametrize("name", ["doc2dial", "emanual_tv"])
def test_every_gold_heading_path_is_a_section(name):
    missing = missing_gold(need(EVAL / name / "docs"), name)
    assert not missing, f"{len(missing)} missing:\n" + "\n".join(missing[:20])


def test_every_gold_heading_path_of_the_manuals_is_a_section(manuals):
    missing = missing_gold(manuals, "aws_docs")
    assert not missing, f"{len(missing)} missing:\n" + "\n".join(missing[:20])


@pytest.mark.parametrize("name", TOOLS)
def test_every_sentence_of_a_guide_is_on_its_lines(name):
    folder = need(SHARED / "guides" / name)
    wrong: list[str] = []
    for path in spread(list(list_files(folder).paths), SHORT // 2):
        page = read_page(folder, path, reading_options=ReadingOptions())
        wrong += broken_promises(page) + strayed(page)
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:20])


def test_every_sentence_of_the_manuals_is_on_its_lines(manuals):
    wrong: list[str] = []
    for path in list_files(manuals).paths:
        page = read_page(manuals, path, reading_options=ReadingOptions())
        wrong += broken_promises(page) + strayed(page)
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:20])
