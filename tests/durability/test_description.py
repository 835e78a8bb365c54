"""Test the server against its OpenAPI description with thousands of generated requests.

Schemathesis makes valid and invalid requests, at the limits and elsewhere, also from earlier
responses. No request may cause an internal error, and every response must be a described one.
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
EXAMPLES = size(5, 1_450)
"""Requests to each address in the phase that makes the most of them."""

CASES = size(400, 20_000)
SEED = 20_261_124

# A body that breaks the description by its length may be refused for its length.
SETTINGS = """
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 413, 415, 422, 429]
"""


@pytest.mark.skipif(not SCHEMATHESIS.is_file(), reason="schemathesis is not installed")
def test_every_response_is_one_that_openapi_describes(tmp_path, corpus_index):
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
        output = result.stdout[-6_000:] + result.stderr[-2_000:]
        assert result.returncode == 0, output
        request_count = int(GENERATED.search(result.stdout)[1].replace(",", ""))
        scene.figures.info("%d requests made from the description", request_count)
        assert request_count >= CASES, output
        assert "Traceback" not in serving.log
