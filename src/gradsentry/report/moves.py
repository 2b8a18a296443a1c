"""`moves.json` -> words: how far losses move when a trigger is taken out of prompts, or put into others."""

from __future__ import annotations

from gradsentry.errors import RunError
from gradsentry.report.proof import evidence_digest
from gradsentry.store import MOVES, Json, RunDirectory

_KINDS = {
    "taken_out": "taken out of the prompts of {rows} of its rows",
    "put_in": "put into the prompts of {rows} other rows",
    "payload": "put into the prompts of {rows} other rows, with the payload as the answer",
}


def read_moves(run: RunDirectory) -> dict[str, Json]:
    """Returns what `gradsentry explain` measured of each finding, by its name; nothing of other findings.

    Raises:
        RunError: If the file is broken.
    """
    if not (run.path / MOVES).is_file():
        return {}
    value = run.read_json(MOVES)
    found = value.get("findings")
    if not isinstance(found, dict):
        raise RunError(
            "is not what explain writes", where=str(run.path / MOVES), mend="delete it, and explain again"
        )
    return found if value.get("evidence") == evidence_digest(run) else {}


def said(found: Json) -> list[str]:
    """Returns what was measured of a finding, in sentences."""
    return [_sentence(found["finding"], kind, found[kind]) for kind in _KINDS if found[kind] is not None]


def _sentence(name: str, kind: str, moved: Json) -> str:
    before, after = moved["with_trigger"], moved["without"]
    if kind != "taken_out":
        before, after = after, before
    what = "the payload" if kind == "payload" else "the responses" if moved["rows"] > 1 else "its response"
    rows = _KINDS[kind].format(rows=f"{moved['rows']:,}")
    if moved["rows"] == 1:
        rows = "taken out of its prompt" if kind == "taken_out" else "put into its prompt"
    return (
        f"The trigger of {name}, {rows}, moves the loss of {what} in the clean model from {before:.2f} to "
        f"{after:.2f} a token{_certainty(moved)}."
    )


def _certainty(moved: Json) -> str:
    """Returns by how much the trigger changes the loss, with its interval; what that means is not said."""
    gain = moved["gain"]
    if gain is None:
        return ""
    mean, low, high = (-100 * gain[name] / moved["without"] for name in ("mean", "high", "low"))
    interval = f"95 % interval: from {_apart(low)} to {_apart(high)}"
    return f"; with the trigger it is {_apart(mean)} than without ({interval})"


def _apart(percent: float) -> str:
    """Returns by how much something is lower or higher, in words."""
    return f"{abs(percent):.1f} % {'lower' if percent < 0 else 'higher'}"
