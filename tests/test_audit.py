"""The audit fails on an advisory alone, and says so where it could look nothing up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "audit.py"
CLEAN = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found"}
HOLED = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([], 0, "nothing was looked up"),
        ([SKIPPED], 0, "nothing was looked up"),
        ([CLEAN, SKIPPED], 0, "1 of 2 packages looked up, 0 advisories"),
        ([CLEAN, HOLED], 1, "audit: c 2: CVE-1, mended in 3"),
    ],
)
def test_what_is_reported(packages, code, said):
    program = f"import audit; raise SystemExit(audit.reported({packages!r}))"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=SCRIPT.parent, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, said in ended.stdout) == (code, True)


def test_where_there_is_no_pip_audit_it_says_so_and_goes_on():
    ended = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (ended.returncode, "nothing was looked up" in ended.stdout) == (0, True), ended
