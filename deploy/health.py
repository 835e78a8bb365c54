"""Exit 0 where the server on this machine says that it lives: a container's HEALTHCHECK."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

PATIENCE = 4.0
"""Seconds; a container is given five."""


def main() -> None:
    """Ask `/healthz`, past any proxy of the environment."""
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
        sys.exit(f"/healthz answers {status}")


if __name__ == "__main__":
    main()
