"""What a CI job asks of a verdict: a file in a form that it reads, and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from gradsentry.evidence import Outcome
    from gradsentry.outcome import Verdict

Flag = typer.Option
Worst = Literal["suspicious", "poisoned"]
FailOnFindings = Annotated[bool, Flag("--fail-on-findings", help="Exit with 1 if anything was found.")]
FailOn = Annotated[
    Worst | None,
    Flag("--fail-on", help="Exit with 1 on this verdict or a worse one.", show_default="exit with 0"),
]
MaxFlagged = Annotated[int | None, Flag("--max-flagged", min=0, help="Exit with 1 if more rows are flagged.")]
SarifFile = Annotated[Path | None, Flag("--sarif", help="Write the flagged rows as SARIF 2.1.0.")]
JUnitFile = Annotated[Path | None, Flag("--junit", help="Write the findings as JUnit XML.")]


@dataclass(frozen=True)
class Gate:
    """What a CI job asks of a verdict.

    Attributes:
        fail_on: The least bad verdict that fails.
        max_flagged: How many rows may be flagged.
        sarif: Where to write SARIF.
        junit: Where to write JUnit XML.
    """

    fail_on: Worst | None = None
    max_flagged: int | None = None
    sarif: Path | None = None
    junit: Path | None = None

    @classmethod
    def of(
        cls,
        fail_on: Worst | None,
        max_flagged: int | None,
        *,
        fail_on_findings: bool,
        sarif: Path | None = None,
        junit: Path | None = None,
    ) -> Gate:
        """Returns the gate of a command's options; `--fail-on-findings` is `--fail-on suspicious`."""
        return cls("suspicious" if fail_on_findings else fail_on, max_flagged, sarif, junit)

    @property
    def needs_rows(self) -> bool:
        """Whether a file is to be written, which names rows."""
        return self.sarif is not None or self.junit is not None

    def refuse_places(self, data: Sequence[str] = ()) -> None:
        """Refuses, before anything is read, files that would replace the data, one another, or no file.

        Raises:
            SettingsError: If one cannot be the place of a report.
        """
        from gradsentry.corpus.sources import files_named
        from gradsentry.errors import SettingsError

        taken = {path.resolve(): "the data" for one in data for path in files_named(one)}
        for option, file in (("--sarif", self.sarif), ("--junit", self.junit)):
            if file is None:
                continue
            if file.exists() and not file.is_file():
                raise SettingsError("is no ordinary file", where=f"{option} {file}", mend="name a file")
            if (holder := taken.get(file.resolve())) is not None:
                mend = "name another file"
                raise SettingsError(f"would replace {holder}", where=f"{option} {file}", mend=mend)
            taken[file.resolve()] = f"what {option} writes"

    def write(self, verdict: Verdict) -> None:
        """Writes the files that were asked for.

        Raises:
            DataError: If one cannot be written.
            SettingsError: If one would replace the data.
        """
        from gradsentry.corpus.filecorpus import FileCorpus
        from gradsentry.corpus.records import dump_json
        from gradsentry.corpus.streams import replacing
        from gradsentry.integrations.junit import junit
        from gradsentry.integrations.sarif import sarif

        if isinstance(verdict.corpus, FileCorpus):
            self.refuse_places([str(path) for path in verdict.corpus.named])
        if self.sarif is not None:
            with replacing(self.sarif) as stream:
                stream.write(dump_json(sarif(verdict), indent=2) + b"\n")
        if self.junit is not None:
            with replacing(self.junit) as stream:
                stream.write(junit(verdict))

    def end(self, outcome: Outcome, flagged: int) -> None:
        """Exits with 1 where the verdict is not let through."""
        from gradsentry.errors import FOUND

        worse = {"suspicious": ("suspicious", "poisoned"), "poisoned": ("poisoned",)}
        too_many = self.max_flagged is not None and flagged > self.max_flagged
        if too_many or (self.fail_on is not None and outcome in worse[self.fail_on]):
            raise typer.Exit(FOUND)
