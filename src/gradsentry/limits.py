"""Limits on what programs and texts of somebody else may cost, each set by a variable of the environment.

They hold wherever a template is rendered or YAML is read, in whichever process that is, so no option is
handed through to there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from gradsentry.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit.

    Attributes:
        variable: What sets it.
        usual: What it is where nothing does.
    """

    variable: str
    usual: float

    @property
    def value(self) -> float:
        """What it is.

        Raises:
            SettingsError: If the variable holds no number above 0.
        """
        given = os.environ.get(self.variable, "")
        try:
            value = float(given or self.usual)
        except ValueError:
            value = 0.0
        if not value > 0.0:
            mend = f"give a number above 0; the usual one is {self.usual:,g}"
            raise SettingsError(f"is no limit: {given[:60]}", where=self.variable, mend=mend)
        return value

    @property
    def setting(self) -> str:
        """What is said where it is passed."""
        return f"{self.variable} sets the limit"
