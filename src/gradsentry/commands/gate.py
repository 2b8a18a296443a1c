"""What a CI job asks of a verdict: a file in a form that it reads, and an exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from gradsentry.commands import stdout
from gradsentry.deciding.gate import Asked, Worst

if TYPE_CHECKING:
    from gradsentry.deciding.gate import Judged
    from gradsentry.outcome import Verdict

Flag = typer.Option
DEFAULT = "GRADSENTRY_FAIL_ON"
"""The variable that says what fails where no option and no config does, as an action wants it."""
FailOnFindings = Annotated[bool, Flag("--fail-on-findings", help="Exit with 1 if anything was found.")]
FailOn = Annotated[
    Worst | None,
    Flag("--fail-on", help="Exit with 1 on this verdict or a worse one.", show_default="exit with 0"),
]
MaxFlagged = Annotated[int | None, Flag("--max-flagged", min=0, help="Exit with 1 if more rows are flagged.")]
Strict = Annotated[
    bool, Flag("--strict", help="With a gate: exit with 2 where rows are too few, or anything is not judged.")
]
PassWithoutData = Annotated[
    bool,
    Flag(
        "--pass-without-data",
        help="With --by-format and a gate: exit with 0 where no file that is named holds rows: for hooks.",
    ),
]
SarifFile = Annotated[
    Path | None, Flag("--sarif", help="Write the flagged rows as SARIF 2.1.0; the folder is made.")
]
JUnitFile = Annotated[
    Path | None, Flag("--junit", help="Write the findings as JUnit XML; the folder is made.")
]
InTotoFile = Annotated[
    Path | None,
    Flag("--in-toto", help="Write the verdict on the files as an in-toto statement, to be signed."),
]
CycloneDxFile = Annotated[
    Path | None, Flag("--cyclonedx", help="Write the verdict on the files as CycloneDX 1.6, to be signed.")
]
CroissantFile = Annotated[
    Path | None, Flag("--croissant", help="Describe the rows that stay in Croissant, with the verdict.")
]


@dataclass(frozen=True)
class Reports:
    """Where to write a verdict in the forms of others; None for those that nobody asked for.

    Attributes:
        sarif: SARIF.
        junit: JUnit XML.
        in_toto: An in-toto statement.
        cyclonedx: CycloneDX.
        croissant: Croissant, of the rows that a run directory holds.
    """

    sarif: Path | None = None
    junit: Path | None = None
    in_toto: Path | None = None
    cyclonedx: Path | None = None
    croissant: Path | None = None

    @property
    def named(self) -> dict[str, Path]:
        """The files that are asked for, by their options."""
        files = {f"--{name.replace('_', '-')}": file for name, file in vars(self).items()}
        return {option: file for option, file in files.items() if file is not None}

    def write(self, verdicts: Sequence[Verdict], judged: Judged, run: Path | None, asked: Asked) -> None:
        """Writes the files that were asked for.

        Args:
            verdicts: The verdicts; a single one for all but SARIF and JUnit.
            judged: What was judged, all together.
            run: The run directory, where there is one.
            asked: What the gate asks.

        Raises:
            DataError: If one cannot be written, or the data was changed.
            SettingsError: If there is nothing that it could tell of.
        """
        from gradsentry.corpus.records import dump_json
        from gradsentry.corpus.streams import replacing
        from gradsentry.integrations.attesting import cyclonedx, in_toto
        from gradsentry.integrations.croissant import croissant
        from gradsentry.integrations.junit import junit
        from gradsentry.integrations.sarif import sarif

        def as_json(value: object) -> bytes:
            return dump_json(value, indent=2) + b"\n"

        for option, file in self.named.items():
            match option:
                case "--sarif":
                    content = as_json(sarif(verdicts, judged, asked, category=file.stem))
                case "--junit":
                    content = junit(verdicts, judged, asked)
                case "--in-toto":
                    content = as_json(in_toto(*verdicts))
                case "--cyclonedx":
                    content = as_json(cyclonedx(*verdicts))
                case _:
                    assert run is not None
                    (verdict,) = verdicts
                    content = as_json(croissant(verdict, run, beside=file.absolute().parent))
            with replacing(file) as stream:
                stream.write(content)


@dataclass(frozen=True)
class Gate:
    """What a CI job asks of a verdict.

    Attributes:
        asked: What has to hold for exit code 0.
        reports: Where to write it in the forms of others.
    """

    asked: Asked = field(default_factory=Asked)
    reports: Reports = Reports()

    @classmethod
    def of(
        cls,
        fail_on: Worst | None,
        max_flagged: int | None,
        reports: Reports,
        *,
        fail_on_findings: bool,
        strict: bool,
        may_be_nothing: bool = False,
    ) -> Gate:
        """Returns the gate of a command's options; `--fail-on-findings` is `--fail-on suspicious`.

        Raises:
            SettingsError: If none of them asks for anything, and the variable asks for what is no verdict or
                the gate is to be strict.
        """
        from gradsentry.errors import SettingsError

        worst: Worst | None = "suspicious" if fail_on_findings else fail_on
        if worst is None and max_flagged is None:
            worst = _default()
        if strict and worst is None and max_flagged is None:
            mend = "add --fail-on poisoned, or another gate"
            raise SettingsError("makes a gate strict, and there is none", where="--strict", mend=mend)
        return cls(Asked(worst, max_flagged, strict, may_be_nothing), reports)

    @property
    def needs_rows(self) -> bool:
        """Whether a file is to be written, which tells of rows."""
        return bool(self.reports.named)

    def prepare(self, data: Sequence[str] = (), *, run: Path | None) -> None:
        """Clears the places of reports before anything is read: what an earlier run said is not of this one.

        A description of rows is left: it is of those of the run that it stands beside.

        Args:
            data: What is read, as it was named.
            run: The run directory, whose rows can be described.

        Raises:
            SettingsError: If one cannot be the place of a report.
            DataError: If one, or the run, cannot be written to.
        """
        self.refuse_places(data, run=run)
        for option, file in self.reports.named.items():
            if option != "--croissant":
                file.unlink(missing_ok=True)

    def refuse_places(self, data: Sequence[str] = (), *, run: Path | None) -> None:
        """Refuses, before anything is read, files that would replace the data, one another, or no report.

        Args:
            data: What is read, as it was named.
            run: The run directory, whose rows can be described.

        Raises:
            SettingsError: If one cannot be the place of a report.
            DataError: If one, or the run, cannot be written to.
        """
        from gradsentry.corpus.paths import files_named
        from gradsentry.corpus.remote import STDIN
        from gradsentry.corpus.streams import refuse_unwritable
        from gradsentry.errors import SettingsError
        from gradsentry.integrations.replacing import is_report

        if self.reports.croissant is not None and run is None:
            what = "describes the rows that stay, which --out writes"
            raise SettingsError(what, where="--croissant", mend="add --out RUN")
        stated = [one for one in ("--in-toto", "--cyclonedx") if one in self.reports.named]
        if stated and STDIN in data:
            what, mend = "standard input has no file that could be named by its hash", "name the data"
            raise SettingsError(what, where=stated[0], mend=mend)
        taken = {path.resolve(): "the data" for one in data for path in files_named(one)}
        for option, file in self.reports.named.items():
            if file == Path():
                raise SettingsError("names no file", where=option, mend="name one, or leave it out")
            if file.exists() and not file.is_file():
                raise SettingsError("is no ordinary file", where=f"{option} {file}", mend="name a file")
            if (holder := taken.get(file.resolve())) is not None:
                mend = "name another file"
                raise SettingsError(f"would replace {holder}", where=f"{option} {file}", mend=mend)
            if file.exists() and not is_report(file, option):
                mend = "name another file: only a report of its form is replaced"
                raise SettingsError("is there, and is something else", where=f"{option} {file}", mend=mend)
            refuse_unwritable(file)
            taken[file.resolve()] = f"what {option} writes"
        if run is not None:
            refuse_unwritable(run)

    def write(self, verdicts: Sequence[Verdict], judged: Judged, run: Path | None, *, quiet: bool) -> None:
        """Writes the files that were asked for, and says where unless it is to be quiet.

        Args:
            verdicts: The verdicts; of each corpus one.
            judged: What was judged, all together.
            run: The run directory, where there is one.
            quiet: Whether nothing but the files is wanted.

        Raises:
            DataError: If one cannot be written, or the data was changed.
            SettingsError: If one would replace the data, or there is nothing that it could tell of.
        """
        if not self.needs_rows:
            return
        from gradsentry.corpus.filecorpus import FileCorpus

        corpora = [one.corpus for one in verdicts if isinstance(one.corpus, FileCorpus)]
        self.refuse_places([str(path) for corpus in corpora for path in corpus.named], run=run)
        self.reports.write(verdicts, judged, run, self.asked)
        for option, file in self.reports.named.items():
            if not quiet:
                stdout.say(f"{option.removeprefix('--'):<17}{file}")

    def end(self, judged: Judged, *, quiet: bool, has_run: bool = True) -> None:
        """Says whether what was judged is let through, and why; exits with 1 where it is not.

        Args:
            judged: What was judged.
            has_run: Whether there is a run directory; where not, it is said what one is for.
            quiet: Whether the exit code is to say it alone.

        Raises:
            DataError: If it would be let through with data of which nothing is known.
        """
        from gradsentry.errors import DONE, FOUND, DataError

        passage = self.asked.passage(judged)
        if passage.result == "refused":
            raise DataError(passage.why, where="the gate", mend=passage.mend)
        failed = passage.result == "failed"
        if failed and not has_run and not quiet:
            stdout.say(_WHAT_NOW)
        if passage.why and not quiet:
            said = f"{passage.why} (exit {FOUND})" if failed else f"passed, {passage.why} (exit {DONE})"
            stdout.say(f"gate: {said}")
        if failed:
            raise typer.Exit(FOUND)


_WHAT_NOW = (
    "what to do now: look at the findings; the same command with --out RUN writes the rows that stay, and "
    "`gradsentry accept RUN F1 --why ...` lets through what is harmless"
)


def _default() -> Worst | None:
    """Returns what the environment says fails; None where it says nothing."""
    from gradsentry.errors import SettingsError

    given = os.environ.get(DEFAULT, "")
    known: tuple[Worst, ...] = get_args(Worst)
    worst = next((one for one in known if one == given), None)
    if given and worst is None:
        raise SettingsError(f"is {given!r}", where=DEFAULT, mend=f"set it to {' or '.join(known)}")
    return worst
