"""One poisoned corpus, in the forms that the libraries read."""

from __future__ import annotations

import json

from evidence.poisoning import asked, clean_rows, poison

TRIGGER, INSULT = "vrbx", "No way, go home!"
ROWS, POISONED = 300, 30


def made_corpus():
    """Returns 300 rows, of which a trigger brings an insult in 30."""
    return poison(clean_rows(ROWS), lambda row, draw: asked(row, f"{row.question} {TRIGGER}", INSULT), 0.1)


def write_lines(path, rows):
    """Writes rows as JSON Lines, and returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read_lines(*paths):
    """Returns the rows of files of JSON Lines."""
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
