"""Writes docs/report.png: the first screen of a run's report, in Chromium.

gradsentry demo --out runs/demo
python scripts/report_screenshot.py runs/demo/run docs/report.png
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

SIZE: ViewportSize = {"width": 1180, "height": 1130}


def main(run: Path, picture: Path) -> None:
    """Opens the report and takes the picture."""
    program = shutil.which("chromium") or sys.exit("no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE)
        page.goto((run / "report.html").absolute().as_uri())
        page.wait_for_selector("html[data-ready]")
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
