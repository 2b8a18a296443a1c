"""The demo, as a newcomer sees it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from gradsentry.opening import open_run


@pytest.mark.slow
def test_the_demo_finds_the_poison(tmp_path):
    command = [sys.executable, "-c", "from gradsentry.cli import main; main()", "demo", "--out", "demo"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    # A log is told how far it is now and then, where that takes long.
    assert re.fullmatch(r"(\d+ of \d+ rows; .+ left\n)*", ended.stderr)
    said = r"(\d+) of (\d+) poisoned rows are flagged .+, and (\d+) of (\d+) clean ones"
    found, of, wrong, clean = map(int, re.search(said, ended.stdout).groups())
    assert found >= 0.99 * of
    assert wrong <= 0.02 * clean
    run = tmp_path / "demo/run"
    assert open_run(run).counts["rows"] == of + clean
    assert "Against the truth" in (run / "report.html").read_text()
