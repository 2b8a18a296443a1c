"""Compares the pinned versions with the published advisories; says so where no advisory can be had.

Run by `make audit`, in an environment that has pip-audit. Exits with 1 where a version has an advisory, and
with 0 where it is clean or nothing could be looked up: a machine without the advisory service can be a CI.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_PINNED = Path(__file__).parents[1] / "constraints.txt"
_SECONDS = 300


def main() -> int:
    """Returns the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(_PINNED), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
        packages = json.loads(ended.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        packages = []
    return reported(packages)


def reported(packages: list[dict[str, Any]]) -> int:
    """Prints what is known of packages, and returns the exit code."""
    known = [one for one in packages if "skip_reason" not in one]
    if not known:
        print("audit: no advisory service can be reached, nothing was looked up")
        return 0
    found = [(one, advisory) for one in known for advisory in one["vulns"]]
    for package, advisory in found:
        fixed = ", ".join(advisory["fix_versions"]) or "no version"
        print(f"audit: {package['name']} {package['version']}: {advisory['id']}, mended in {fixed}")
    print(f"audit: {len(known)} of {len(packages)} packages looked up, {len(found)} advisories")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
