"""The settings by which evidence is judged; no score depends on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from pydantic import Field

from gradsentry.corpus.streams import file_sha256
from gradsentry.errors import SettingsError
from gradsentry.evidence.accepting import Accepted, read_accepted
from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.extending import Own
from gradsentry.evidence.limits import FALSE_ALARM_RATE
from gradsentry.plugins import load_plugin
from gradsentry.validated import Settings

SHIPPED = "shipped"
"""What names the calibration that comes with the package, where a run was decided by another one."""


class Judging(Settings):
    """How evidence is judged.

    Attributes:
        false_alarm_rate: How often a clean corpus may be called poisoned.
        calibration: What clean corpora show; None for what ships with the package.
        accepted: The findings that a person accepts.
        accepted_sha256: The SHA-256 of the file that says so; None where there is none.
        checks: Names of checks of a person's own.
        generators: Names of generators of a person's own.
    """

    false_alarm_rate: float = Field(default=FALSE_ALARM_RATE, gt=0.0, le=0.5)
    calibration: Calibration | None = None
    accepted: tuple[Accepted, ...] = ()
    accepted_sha256: str | None = None
    checks: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()

    @property
    def own(self) -> Own:
        """The checks and generators of a person's own.

        Raises:
            SettingsError: If one is not there.
        """
        return Own(self.checks, self.generators)

    def with_given(self, given: Mapping[str, object]) -> Self:
        """Returns these settings with those that are given in their place."""
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate({**kept, **given})


def given_judging(
    *,
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
    plugins: Sequence[str] = (),
) -> dict[str, object]:
    """Returns those of the settings that are given, their files read.

    Args:
        false_alarm_rate: See `Judging`.
        calibration: The file of a calibration, or `shipped`.
        accept: The file of accepted findings; all that was accepted before gives way to it.
        plugins: Files or modules with checks and generators of a person's own, which take the place of those
            that were named before.

    Raises:
        SettingsError: If the rate is none, or a plugin fails or has no check or generator.
        DataError: If a file is missing or something else.
    """
    given: dict[str, object] = {}
    if false_alarm_rate is not None:
        given["false_alarm_rate"] = false_alarm_rate
    if calibration is not None:
        own = str(calibration) != SHIPPED
        given["calibration"] = Calibration.from_file(Path(calibration)) if own else None
    if accept is not None:
        given["accepted"] = read_accepted(Path(accept))
        given["accepted_sha256"] = file_sha256(Path(accept))
    if plugins:
        given |= _of_plugins(plugins)
    Judging.read(given, where="options")
    return given


def _of_plugins(named: Sequence[str]) -> dict[str, object]:
    """Returns the names of the checks and generators of some plugins, after importing them."""
    checks: dict[str, None] = {}
    generators: dict[str, None] = {}
    for one in map(load_plugin, named):
        if not (one.names("check") or one.names("generator")):
            mend = "name it where attacks and defences are used: poison or bench"
            raise SettingsError("it has no check and no generator", where=f"--plugin {one.named}", mend=mend)
        checks |= dict.fromkeys(one.names("check"))
        generators |= dict.fromkeys(one.names("generator"))
    return {"checks": tuple(checks), "generators": tuple(generators)}
