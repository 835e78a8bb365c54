"""Test the index on disk: built, opened, rebuilt after changes, never trusted when damaged."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.errors import (
    IndexMissing,
    IndexNotWritable,
    IndexOutdated,
    ModelError,
)
from assistant.guide.publishers import ReadingOptions
from assistant.index import build_cache, builder, index
from tests.conftest import WordEncoder

PAGE = """# Animals

A cat chases a bird.

## Water

A fish swims in the river.
"""


@pytest.fixture
def guide(tmp_path) -> Path:
    folder = tmp_path / "guide"
    folder.mkdir()
    (folder / "animals.md").write_text(PAGE)
    return folder


@pytest.fixture
def built(tmp_path, guide, word_encoder) -> Path:
    folder = tmp_path / "index"
    builder.build_index(guide, folder, word_encoder)
    return folder


def read_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith((".lock", build_cache.CACHE_FILE))
    }


def test_a_built_index_opens_with_its_description(built, word_encoder):
    opened = index.open_index(built)
    assert (opened.manifest.pages, opened.manifest.passages) == (1, 2)
    assert opened.generation == (built / "CURRENT").read_text().split()[0]
    opened.check_model(word_encoder)


def test_building_again_changes_nothing_and_is_up_to_date(built, guide, word_encoder):
    before = read_files(built)
    assert builder.build_index(guide, built, word_encoder).reasons == ()
    assert read_files(built) == before


def test_the_same_guide_gives_the_same_bytes(tmp_path, guide, built, word_encoder):
    builder.build_index(guide, tmp_path / "other", word_encoder)
    assert read_files(tmp_path / "other") == read_files(built)


@pytest.mark.slow
def test_the_same_guide_gives_the_same_bytes_in_another_process(tmp_path, guide, built):
    program = (
        "import sys; from pathlib import Path; from assistant.index.builder import build_index;"
        "from tests.conftest import WordEncoder;"
        "build_index(Path(sys.argv[1]), Path(sys.argv[2]), WordEncoder())"
    )
    other = tmp_path / "other"
    subprocess.run(
        [sys.executable, "-c", program, guide, other],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        cwd=Path(__file__).parent.parent.parent,
    )
    assert read_files(other) == read_files(built)


def test_an_edited_page_is_a_reason_to_rebuild(built, guide, word_encoder):
    (guide / "animals.md").write_text(PAGE + "\nA dog barks.\n")
    assert builder.build_index(guide, built, word_encoder).reasons == ("the guide changed",)
    texts = [p.text for p in index.open_index(built).store.passages([0, 1])]
    assert "A dog barks." in texts[1]


def test_a_renamed_page_is_a_reason_to_rebuild(built, guide, word_encoder):
    (guide / "animals.md").rename(guide / "beasts.md")
    assert builder.build_index(guide, built, word_encoder).reasons == ("the guide changed",)


def test_another_model_is_a_reason_to_rebuild_and_cannot_be_asked_before(built, guide):
    class OtherEncoder(WordEncoder):
        identity = "0" * 64
        name = "another model"

    with pytest.raises(ModelError, match="another model"):
        index.open_index(built).check_model(OtherEncoder())
    assert builder.build_index(guide, built, OtherEncoder()).reasons == ("the model changed",)


def test_another_base_url_is_a_reason_to_rebuild(built, guide, word_encoder):
    done = builder.build_index(
        guide, built, word_encoder, reading_options=ReadingOptions(base_url="https://guide.example")
    )
    assert done.reasons == ("the base URL changed",)
    url = index.open_index(built).store.passages([1])[0].url
    assert url == "https://guide.example/animals#water"


def test_another_format_is_a_reason_to_rebuild_and_does_not_open(built, guide, word_encoder):
    home = built / index.open_index(built).generation
    text = json.dumps({**json.loads((home / "manifest.json").read_text()), "format": 0})
    (home / "manifest.json").write_text(text)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    home.rename(built / name)
    (built / "CURRENT").write_text(name)
    with pytest.raises(IndexOutdated):
        index.open_index(built)
    assert builder.build_index(guide, built, word_encoder).reasons == ("the index format changed",)
    index.open_index(built)


def test_after_a_rebuild_only_the_new_generation_and_the_one_before_are_left(
    built, guide, word_encoder
):
    made = [index.open_index(built).generation]
    for words in ("A dog barks.", "A tree grows."):
        (guide / "animals.md").write_text(f"{PAGE}\n{words}\n")
        builder.build_index(guide, built, word_encoder)
        made.append(index.open_index(built).generation)
    assert {p.name for p in built.iterdir()} == {
        build_cache.CACHE_FILE,
        "CURRENT",
        ".lock",
        *made[1:],
    }


def test_the_readme_beside_the_generations_is_left_alone(built, guide, word_encoder):
    (built / "README.md").write_text("kept")
    (guide / "animals.md").write_text(PAGE + "\nA dog barks.\n")
    builder.build_index(guide, built, word_encoder)
    assert (built / "README.md").read_text() == "kept"


def test_where_there_is_no_index_the_error_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(IndexMissing) as raised:
        index.open_index(tmp_path)
    assert "assistant build" in raised.value.hint


def test_opening_writes_nothing(built):
    before = {p: p.stat().st_mtime_ns for p in built.rglob("*")}
    index.open_index(built).store.passages([0])
    assert {p: p.stat().st_mtime_ns for p in built.rglob("*")} == before


def test_a_build_that_fails_leaves_the_old_generation_and_no_draft(built, guide):
    class FailingEncoder(WordEncoder):
        identity = "1" * 64

        def encode(self, texts, progress=None):
            raise OSError("no space left")

    before = read_files(built)
    with pytest.raises(IndexNotWritable, match="no space"):
        builder.build_index(guide, built, FailingEncoder())
    assert read_files(built) == before


def test_where_a_file_stands_in_the_index_s_place_the_error_names_it(tmp_path, guide, word_encoder):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(IndexNotWritable, match="taken"):
        builder.build_index(guide, tmp_path / "taken", word_encoder)


def test_progress_reports_the_steps_in_order(tmp_path, guide, word_encoder):
    steps = []
    builder.build_index(
        guide, tmp_path / "new", word_encoder, progress=lambda *step: steps.append(step)
    )
    assert [step for step, _, _ in steps] == ["reading", "encoding"]
    assert all(done == total for _, done, total in steps)
