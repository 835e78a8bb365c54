"""Serve the web chat over `corpus/`; the index is built first where it is missing or old."""

import sys

from assistant.cli.main import main

if __name__ == "__main__":
    main(["serve", *sys.argv[1:]])
