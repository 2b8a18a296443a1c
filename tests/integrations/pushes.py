"""Pushes clean rows in a process of its own, for the libraries read where the Hub is when they are imported.

    python pushes.py FOLDER < pushes.json

FOLDER holds the data. A push is the name of a file or saved data set in it, the repository, and what else
`push_clean` is given; printed is, for each in order, the line of its error, or null.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

from datasets import load_from_disk

from gradsentry import screen
from gradsentry.errors import GradSentryError
from gradsentry.integrations.datasets import push_clean


@cache
def _verdict(path: Path):
    # Of a data set in memory, as a user has it, and not of its folder.
    return screen(load_from_disk(str(path)) if path.name.startswith("saved") else str(path))


def _said(name: str, repo_id: str, options: dict[str, object]) -> str | None:
    try:
        push_clean(_verdict(Path(sys.argv[1]) / name), repo_id, **options)
    except GradSentryError as error:
        return error.line()
    return None


if __name__ == "__main__":
    print(json.dumps([_said(*push) for push in json.load(sys.stdin)]))
