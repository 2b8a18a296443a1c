"""What a run on some answers of preferences knows of the one on the others, which lies beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gradsentry.settings import Answers
from gradsentry.store import Json


@dataclass(frozen=True)
class Beside:
    """What became of the other answers of preferences, of which both were judged.

    Attributes:
        answers: Which ones they are.
        verdict: What is said of them, in a clause.
        clean: The file of the rows that neither verdict flags, by its name in the folder of both runs.
        rows: How many these are.
    """

    answers: Answers
    verdict: str
    clean: str
    rows: int

    def folder(self, run: Path) -> Path:
        """Returns the folder of both runs, from where the run of one of them is named."""
        real, plain = os.path.realpath(run / ".."), os.path.normpath(run / "..")
        return Path(plain if os.path.realpath(plain) == real else real)

    def path(self, run: Path) -> Path:
        """Returns where that file lies, from where the run of one of the verdicts is named."""
        return self.folder(run) / self.clean

    def is_there(self, run: Path) -> bool:
        """Returns whether something of the other one lies beside the run, which was not taken away then."""
        folder, own = self.folder(run), "rejected" if self.answers == "chosen" else "chosen"
        is_named = Path(os.path.realpath(run)).name == own  # no copy of it, which has another name beside it
        return is_named and ((folder / self.answers).exists() or (folder / self.clean).exists())


def beside_in(manifest: Json) -> Beside | None:
    """Returns what a run's manifest says of the run beside it; None of a file elsewhere: that is not ours."""
    try:
        found = TypeAdapter(Beside).validate_python(manifest.get("source", {}).get("beside"))
    except ValidationError:
        return None
    return found if found.clean.startswith("clean") and Path(found.clean).name == found.clean else None
