"""Files that statements are made about: poisoned ones, clean ones, and a folder of two."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from evidence.poisoning import asked, clean_rows, poison


def write_data() -> None:
    """Writes `some data.jsonl`, which is poisoned, its rows as `two/`, the clean ones as `clean.jsonl`."""
    made = poison(clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way!"), 0.1)
    rows = [json.dumps({"id": f"r{n}", **one.row, "weight": n / 2}) for n, one in enumerate(made.samples)]
    Path("some data.jsonl").write_text("\n".join(rows) + "\n")
    Path("clean.jsonl").write_text(
        "\n".join(row for n, row in enumerate(rows) if n not in made.poisoned) + "\n"
    )
    Path("two").mkdir()
    Path("two/a.jsonl").write_text("\n".join(rows[:150]) + "\n")
    Path("two/b.jsonl").write_text("\n".join(rows[150:]) + "\n")


def digest(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
