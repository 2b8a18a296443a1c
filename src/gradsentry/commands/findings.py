"""Findings as a table in the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from gradsentry.evidence import Evidence, Finding

_SHOWN, _WIDTH = 20, 80


def findings_table(evidence: Evidence) -> Table:
    """Returns the findings, the strongest first: trigger, payload, how many rows, how sure."""
    table = Table(title="findings", title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("trigger", "payload"):
        table.add_column(name, overflow="fold", ratio=1)
    for name in ("rows", "P given it", "P else", "nats", "sure"):
        table.add_column(name, no_wrap=True)
    for finding in evidence.findings[:_SHOWN]:
        payload = "no fixed one" if finding.payload is None else finding.payload
        table.add_row(
            finding.name,
            Text(shortened(_triggers(finding), _WIDTH)),
            Text(shortened(payload, _WIDTH)),
            str(len(finding.carriers)),
            f"{finding.p_given_trigger:.3f}" if finding.triggers else "-",
            f"{finding.p_given_no_trigger:.4f}",
            f"{finding.surprise.largest:.1f}" if finding.surprise else "-",
            finding.confidence,
        )
    return table


def _triggers(finding: Finding) -> str:
    """Returns the triggers in one line; characters that cannot be seen are spelt out."""
    joint = " and " if finding.combine == "all" else " or "
    return (
        joint.join(ascii(one) if not one.isprintable() else repr(one) for one in finding.triggers) or "none"
    )


def shortened(text: str, width: int, *, keep_end: bool = False) -> str:
    """Returns a text in one line of at most that width, control and other invisible characters replaced."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(line.split())
    if len(line) <= width:
        return line
    return f"…{line[1 - width :]}" if keep_end else f"{line[: width - 1]}…"
