"""Measure when the chat is painted and can be used, in Chromium, on first and later visits.

python -m assistant serve --port 7861 &
python benchmarks/paint.py http://127.0.0.1:7861/
"""

from __future__ import annotations

import argparse
import shutil
from statistics import median

from playwright.sync_api import Browser, sync_playwright

VISITS = 6
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        visits(browser, arguments.url)  # not counted: the browser's own first start
        runs = [visits(browser, arguments.url) for _ in range(3)]
        browser.close()
    for name, chosen in (("first", slice(1)), ("later", slice(1, None))):
        seen, usable = zip(*(visit for run in runs for visit in run[chosen]), strict=True)
        print(f"{name} visits: seen after {median(seen):.0f} ms, usable after {median(usable):.0f}")


def visits(browser: Browser, url: str) -> list[tuple[float, float]]:
    """Return, for each visit, the milliseconds to the first paint and to a usable input box."""
    context = browser.new_context()
    page, times = context.new_page(), []
    for _ in range(VISITS):
        page.goto("about:blank")
        page.goto(url, wait_until="commit")
        page.locator("#ask:enabled").wait_for()
        times.append((page.evaluate(PAINT), page.evaluate("performance.now()")))
    context.close()
    return times


if __name__ == "__main__":
    main()
