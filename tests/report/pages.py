"""Pages of runs in a browser, watched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

Opener = Callable[..., Page]


class Pages:
    """Opens the pages of runs, each in a context of its own unless one is given.

    Attributes:
        complaints: What the consoles said, and uncaught errors.
        requests: What left the page.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts = []
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def open(self, run: Path, *, beside: Page | None = None, **options: object) -> Page:
        """Returns the page of a run, at work; `beside` another it shares what the browser keeps."""
        if beside is None:
            context = self._browser.new_context(**options)
            self._contexts.append(context)
        else:
            context = beside.context
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._watch(request.url, page))
        page.goto((run / "report.html").absolute().as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _watch(self, url: str, page: Page) -> None:
        if not (url.startswith("blob:") or url.partition("#")[0].endswith("/report.html")):
            self.requests.append(url)


def counts(page: Page) -> dict[str, int]:
    """Returns the counts that the page shows."""
    return {
        name: int(page.locator(f"[data-count={name}]").first.inner_text().replace(",", ""))
        for name in ("clean", "flagged")
    }


def unfold(page: Page) -> None:
    """Opens the scores, which are folded where they did not decide."""
    page.locator("#scores").evaluate("fold => { fold.open = true; }")


def set_tau(page: Page, tau: float) -> None:
    """Moves the slider."""
    unfold(page)
    page.locator("#tau").evaluate(
        "(slider, tau) => { slider.value = tau; slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        tau,
    )


def listed(page: Page) -> list[str]:
    """Returns the ids of the rows in the table, as listed."""
    return page.locator("#table-rows tr.line .own-id").all_inner_texts()
