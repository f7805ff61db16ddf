"""A real browser without a window, for the tests of pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATIENCE = 280_000  # milliseconds for the browser's first start, which reads 200 MB from the disk


@contextmanager
def browser() -> Iterator[Any]:
    """Yields a browser; skips the tests where there is none, but not where CI must have one."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"a browser to look at pages with: none of {', '.join(NAMES)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Nobody but these tests writes the pages, and a container has no namespaces for a sandbox.
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"], timeout=PATIENCE)
        yield started
        started.close()


class Visit:
    """A page that is open, and what a reader should never get: messages on the console, or requests.

    Args:
        within: a browser.
        path: of the page.
        settings: of the browser's context: `viewport`, `color_scheme`, `has_touch`.
    """

    def __init__(self, within: Any, path: Path, **settings: Any) -> None:
        self.complaints: list[str] = []
        self.context = within.new_context(**{"viewport": {"width": 1200, "height": 900}} | settings)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.complaints.append(request.url))
        self.page.goto(path.as_uri())
        self.complaints.remove(path.as_uri())

    def ask(self, question: str) -> Any:
        """Returns what an expression of JavaScript gives in the page."""
        return self.page.evaluate(question)

    def card(self) -> str:
        """Returns what the card says, or nothing where none is shown."""
        card = self.page.locator("#card")
        return card.inner_text() if card.is_visible() else ""
