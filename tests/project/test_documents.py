"""Documents agree with the project: links, anchors, file names, settings and commands."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import typer

from assistant import settings
from assistant.readers import SUFFIXES
from assistant.settings import Settings
from tests.conftest import ROOT

DECISIONS = ROOT / "docs" / "decisions"
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "corpus/*.md", "index/README.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
NAMED = re.compile(r"`((?:[\w.-]+/)*[\w.-]+(?:\.(?:py|json|toml|js|css|cfg|conf|service)|/))`")
FROM = ("", "assistant", "deploy")
"""The folders that a path in a document may start from."""

MADE_BY_USERS = {"assistant.toml", "mkdocs.yml", "conf.py", "keys.json", "answer.json"}
IN_A_GUIDE = {"docs/", "site/", "_site/", "public/", "build/", "mine/docs/"}
PLACEHOLDERS = re.compile(r"NAME|example")

LIMITS = {"README.md": 1400, "CONTRIBUTING.md": 600}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a document's headings, by GitHub's rule."""
    slugs: list[str] = []
    unique: set[str] = set()
    for title in HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        repeats = slugs.count(slug)
        slugs.append(slug)
        unique.add(f"{slug}-{repeats}" if repeats else slug)
    return frozenset(unique)


def broken_links(path: Path) -> list[str]:
    """The relative links of a document that lead to no file, or to no heading of it."""
    broken = []
    for link in LINK.findall(CODE.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))):
        if re.match(r"\w+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_relative_link_of_a_document_leads_to_a_file_and_a_heading(path):
    assert broken_links(path) == []


def test_a_link_to_a_missing_file_or_heading_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A b: `c`\n\n[1](#a-b-c) [2](page.md#a-b-c) [3](#d) [4](none.md) `[5](code)`\n"
    )
    assert broken_links(page) == ["#d", "none.md"]


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "SECURITY.md", "README.md"])
def test_every_file_and_folder_that_a_document_names_exists(document):
    text = FENCE.sub("", (ROOT / document).read_text(encoding="utf-8"))
    named = set(NAMED.findall(text)) - MADE_BY_USERS - IN_A_GUIDE
    missing = [
        path
        for path in sorted(named)
        if not PLACEHOLDERS.search(path) and not any((ROOT / top / path).exists() for top in FROM)
    ]
    assert missing == []


@pytest.mark.parametrize(("document", "limit"), LIMITS.items())
def test_a_first_document_stays_short(document, limit):
    assert len((ROOT / document).read_text(encoding="utf-8").split()) <= limit


# -- decisions ------------------------------------------------------------------------------------

RECORDS = sorted(DECISIONS.glob("[0-9]*.md"))


@pytest.mark.parametrize("path", RECORDS, ids=name)
def test_a_decision_has_its_number_and_four_parts(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(path.name[:4])}. ")
    parts = ["Status", "Context", "Decision", "Consequences"]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == parts
    assert re.search(r"## Status\n\n(Accepted|Superseded by \[\d{4}\]\(\d{4}-)", text)


def test_decisions_are_numbered_without_gaps_and_all_in_the_index():
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{4}) \| \[(.*)\]\((.*?)\) \| ", index, re.MULTILINE)
    titles = {path.name: path.read_text(encoding="utf-8").split("\n")[0] for path in RECORDS}
    assert sorted((file, f"# {int(number)}. {title}") for number, title, file in rows) == sorted(
        titles.items()
    )


# -- settings -------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([a-z_]+)` \| (.*?) \| .*\|$", PAGE, re.MULTILINE)


def test_the_page_of_settings_has_every_setting_with_its_default():
    default = {
        key: "not set" if field.default is None else field.default
        for key, field in Settings.model_fields.items()
    }
    documented = {}
    for key, value in ROWS:
        in_toml = re.fullmatch(r"`(.*)`", value)
        documented[key] = tomllib.loads(f"x = {in_toml[1]}")["x"] if in_toml else value
    assert len(ROWS) == len(documented)
    assert documented == {
        key: str(value) if isinstance(value, Path) else list(value) if value == () else value
        for key, value in default.items()
    }


@pytest.mark.parametrize("document", ["settings", "chat", "deploy"])
def test_the_settings_of_an_example_can_be_set(document, tmp_path, monkeypatch):
    text = (ROOT / "docs" / f"{document}.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("assistant.toml").write_text(block, encoding="utf-8")
    chosen = settings.load_settings()
    assert tomllib.loads(block).keys() <= chosen.model_fields_set


def test_the_variables_of_the_page_are_settings():
    names = {key.lower() for key in re.findall(r"\bASSISTANT_([A-Z_]+)\b", PAGE)}
    assert names - {"key"} <= set(Settings.model_fields)


# -- commands -------------------------------------------------------------------------------------


def test_the_page_of_commands_has_every_command_and_no_option_that_is_none():
    from assistant.cli.main import app

    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `assistant (\w+)(.*?)` \| (.*)\|$", page, re.MULTILINE)
    group = typer.main.get_command(app)
    visible = {key for key, command in group.commands.items() if not command.hidden}
    assert {command for command, _, _ in rows} | {"update"} == visible
    for command, usage, _ in rows:
        known = group.commands[command]
        options = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", usage))
        parts = [known, *getattr(known, "commands", {}).values()]
        allowed = {
            option for part in parts for parameter in part.params for option in parameter.opts
        }
        assert options <= allowed, command


def test_the_page_on_guides_names_the_suffix_of_every_file_that_is_read() -> None:
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    assert [suffix for suffix in SUFFIXES if f"`{suffix}`" not in text] == []
