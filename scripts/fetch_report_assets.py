"""Fetches the plotting library that the report embeds, and checks that it is the one that was looked at.

    python scripts/fetch_report_assets.py

Needs npm. The files and their licence go to src/gradsentry/report/assets/uplot.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "uplot@1.6.32"
SHA256 = {
    "dist/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "dist/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
TARGET = Path(__file__).parents[1] / "src/gradsentry/report/assets/uplot"


def main() -> None:
    """Writes the files, all or none."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()
        with tarfile.open(Path(folder) / packed) as archive:
            archive.extractall(folder, filter="data")
        contents = {name: (Path(folder) / "package" / name).read_bytes() for name in SHA256}
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != SHA256[name]:
            sys.exit(f"{PACKAGE}: {name} is not the file that was looked at")
    for name, content in contents.items():
        (TARGET / Path(name).name).write_bytes(content)


if __name__ == "__main__":
    main()
