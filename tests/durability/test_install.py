"""Test the installation into an empty folder with every package fetched."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.conftest import CORPUS, ROOT
from tests.sizes import LONG

PATIENCE = 1800


@pytest.mark.skipif(not LONG, reason="its short size is tests/server/test_deploy.py")
def test_an_empty_folder_becomes_an_installation_that_answers(tmp_path):
    prefix = tmp_path / "prefix"
    own = {name: value for name, value in os.environ.items() if "ASSISTANT_" not in name}
    own.pop("PYTHONPATH", None)
    subprocess.run(
        [ROOT / "deploy" / "install", prefix, CORPUS], check=True, env=own, timeout=PATIENCE
    )
    answer = subprocess.run(
        [prefix / "bin" / "assistant", "ask", "recommend a book", "--index", prefix / "index"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": own["PATH"]},
        cwd="/",
    )
    assert "The Product Book" in answer.stdout
    size = sum(path.lstat().st_size for path in prefix.rglob("*"))
    assert size < 2_800_000_000, f"deploy/preflight.py promises less than {size:,} bytes"
