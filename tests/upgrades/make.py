"""Make the sample of this version: `python -m tests.upgrades.make` from the repository's root.

It is run once a release and its folder committed as it is; a sample is never made again.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from assistant import __version__
from assistant.assistant import Assistant
from assistant.server.answer_log import AnswerLog
from assistant.server.reload import LiveAssistant
from assistant.server.security.api_keys import ApiKeys
from assistant.server.service import Service

PAGES = {
    "boats.md": "# Boats\n\n## Mooring\n\nA boat is moored with two lines, one at each end.\n\n"
    "## Fees\n\nA night at the jetty costs 12 euros. Children pay nothing.\n",
    "rules/quiet.md": "# Quiet hours\n\nThe harbour is quiet from ten in the evening to seven.\n",
}
QUESTION = "How is a boat moored?"
FOLDER = Path(__file__).parent


def make(home: Path) -> None:
    """Write a guide, its index, an answer as JSON, a journal with two votes, and a key."""
    for path, text in PAGES.items():
        (home / "guide" / path).parent.mkdir(parents=True, exist_ok=True)
        (home / "guide" / path).write_text(text, encoding="utf-8")
    assistant = Assistant.build(home / "guide", home / "index")
    answer = assistant.ask(QUESTION)
    write(home / "answer.json", answer.to_dict())
    journal = AnswerLog.open(f"sqlite:///{home / 'index' / 'journal.sqlite'}", days=36500)
    served = Service(LiveAssistant(assistant), journal).ask(QUESTION, interface="rest")
    journal.rate(served.id, helpful=True)
    journal.rate(served.id, helpful=False, comment="Which lines?")
    journal.close()
    token = ApiKeys(home / "index" / "keys.json").add("reader", ["read", "feedback"])
    write(home / "expected.json", {"answer": served.id, "key": token, "text": answer.text})
    for leftover in ("cache", "journal.sqlite-wal", "journal.sqlite-shm"):
        shutil.rmtree(home / "index" / leftover, ignore_errors=True)
        (home / "index" / leftover).unlink(missing_ok=True)


def write(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    target = FOLDER / __version__
    if target.exists():
        sys.exit(f"{target} is there: a sample is made once.")
    make(target)
