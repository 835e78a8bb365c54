"""The server against its own description, by thousands of requests made from it.

Schemathesis makes them: what the description allows and what it does not, at its limits and
anywhere, one after another and one from another's response. Nothing may fail inside, and every
response has to be one of those described.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.durability import scene
from tests.serving import Serving
from tests.sizes import size

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
GENERATED = re.compile(r"(\d[\d,]*) generated")
EXAMPLES = size(20, 1_450)
"""Requests to each address in the phase that makes the most of them."""

CASES = size(500, 20_000)
SEED = 20_261_124

# A body that breaks the description by its length may be refused for its length.
SETTINGS = """
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 413, 415, 422, 429]
"""


@pytest.mark.skipif(not SCHEMATHESIS.is_file(), reason="schemathesis is not installed")
def test_every_response_is_one_that_the_description_has(tmp_path, corpus_index):
    shutil.copytree(corpus_index, tmp_path / "index")
    (tmp_path / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
    with Serving(tmp_path) as serving:
        result = subprocess.run(
            [
                SCHEMATHESIS, "run", f"{serving.ready().origin}/openapi.json",
                "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful",
                "--max-examples", str(EXAMPLES), "--seed", str(SEED),
                "--generation-database", "none", "--continue-on-failure", "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        text = result.stdout[-6_000:] + result.stderr[-2_000:]
        assert result.returncode == 0, text
        request = int(GENERATED.search(result.stdout)[1].replace(",", ""))
        scene.figures.info("%d requests made from the description", request)
        assert request >= CASES, text
        assert "Traceback" not in serving.text
