"""Checks and generators of one's own, which take part in a search beside ours where they are named.

A generator proposes candidates, which are measured and decided like all others; a check measures one thing of
each, and weighs nothing until a calibration gives its statistics steps. The calibration that is shipped knows
neither, so what was searched with them says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradsentry.errors import UsageError
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.plugins import Registry, code_of, described

if TYPE_CHECKING:
    from gradsentry.evidence.mined import Mined

Check = Callable[[Texts, Candidate], Sequence[Statistic]]
Generator = Callable[["Mined", Rows], Sequence[Candidate]]

OWN_CHECKS: Registry[Check] = Registry("check")
OWN_GENERATORS: Registry[Generator] = Registry("generator")


def register_check(name: str) -> Callable[[Check], Check]:
    """Returns a decorator that enters a function of a corpus and a candidate as a check.

    Args:
        name: By which it is named.

    Raises:
        SettingsError: If another file's has that name.
    """
    return OWN_CHECKS.under(name)


def register_generator(name: str) -> Callable[[Generator], Generator]:
    """Returns a decorator that enters a function of a mined corpus and its explained rows.

    Args:
        name: By which it is named.

    Raises:
        SettingsError: If another file's has that name.
    """
    return OWN_GENERATORS.under(name)


@dataclass(frozen=True)
class Own:
    """What takes part in a search besides what is ours, by name.

    Attributes:
        checks: Names of checks.
        generators: Names of generators; they propose behind ours.
    """

    checks: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Imports what is named.

        Raises:
            SettingsError: If something is not there, or its package fails.
        """
        for names, registry in ((self.checks, OWN_CHECKS), (self.generators, OWN_GENERATORS)):
            for name in names:
                registry.named(name)

    @property
    def code(self) -> str:
        """The SHA-256 of the files that hold them; empty where there are none."""
        return code_of(*map(OWN_CHECKS.named, self.checks), *map(OWN_GENERATORS.named, self.generators))

    def beside(self, source: str) -> str:
        """Returns what a calibration is of, and what was searched with it; once where it says so already."""
        parts = [f"the check {name!r}" for name in self.checks]
        parts += [f"the generator {name!r}" for name in self.generators]
        said = f"; searched with {' and '.join(parts)} too" if parts else ""
        return source if source.endswith(said) else source + said

    def measured(self, texts: Texts, candidate: Candidate) -> list[Statistic]:
        """Returns what the checks measure of a candidate.

        Raises:
            UsageError: If one returns something else.
        """
        found: list[Statistic] = []
        for name in self.checks:
            check = OWN_CHECKS.named(name)
            given = check(texts, candidate)
            if not (isinstance(given, list | tuple) and all(isinstance(one, Statistic) for one in given)):
                raise _other(check, given, "a list of Statistic")
            found += given
        return found

    def proposals(self, mined: Mined, name: str, taken: Rows) -> Sequence[Candidate]:
        """Returns what a generator proposes.

        Raises:
            UsageError: If it returns something else.
        """
        generator = OWN_GENERATORS.named(name)
        given = generator(mined, taken)
        if not (isinstance(given, list | tuple) and all(_is_of(one, len(taken)) for one in given)):
            what = "a list of Candidate whose `triggered` and `paid` hold a bool for each row"
            raise _other(generator, given, what)
        return given


NOTHING_OWN = Own()


def _is_of(given: object, rows: int) -> bool:
    """Returns whether something is a candidate of a corpus of so many rows."""
    return isinstance(given, Candidate) and all(
        getattr(each, "shape", None) == (rows,) and each.dtype == bool
        for each in (given.triggered, given.paid)
    )


def _other(function: object, given: object, wanted: str) -> UsageError:
    """Returns the error of a function that returned something else than it was to."""
    inner = {type(one).__name__ for one in given} if isinstance(given, list | tuple) else set()
    returned = " of ".join([type(given).__name__, *([", ".join(sorted(inner))] if inner else [])])
    return UsageError(f"returned {returned}", where=described(function), mend=f"return {wanted}")
