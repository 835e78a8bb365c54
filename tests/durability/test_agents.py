"""Test ten thousand invalid MCP messages over both transports."""

from __future__ import annotations

import pytest

from tests.server.routes import test_mcp_fuzz as short
from tests.sizes import LONG

pytestmark = pytest.mark.skipif(not LONG, reason="its short size is test_mcp_fuzz.py")

test_over_the_standard_streams_nothing_breaks = short.test_over_the_standard_streams_nothing_breaks
test_over_http_nothing_breaks = short.test_over_http_nothing_breaks
