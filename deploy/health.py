"""Exit with 0 if the server on this machine is healthy: the HEALTHCHECK of the container."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

PATIENCE = 4.0
"""Seconds to wait; the container's health check allows five."""


def main() -> None:
    """Request `/healthz`, without any proxy of the environment."""
    port = int(os.environ.get("ASSISTANT_PORT", "7860"))
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.exit(f"There is no answer at port {port}: {error}")
    finally:
        connection.close()
    if status != 200:
        sys.exit(f"/healthz returns {status}")


if __name__ == "__main__":
    main()
