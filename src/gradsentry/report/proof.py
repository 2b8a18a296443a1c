"""`verify.json` -> words and a table: what brief training says of the findings."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from gradsentry.errors import RunError
from gradsentry.store import EVIDENCE, VERIFY, Json, RunDirectory

_MOST = 1e6
_VERDICTS = {True: "confirmed", False: "not confirmed", None: "not measured"}


def evidence_digest(run: RunDirectory) -> str:
    """Returns the SHA-256 of the findings of a run, which a proof is of."""
    return hashlib.sha256((run.path / EVIDENCE).read_bytes()).hexdigest()


def read_proof(run: RunDirectory) -> Json | None:
    """Returns what `gradsentry verify` found, or None where it was not run, or on other findings.

    Raises:
        RunError: If the file is broken.
    """
    if not (run.path / VERIFY).is_file():
        return None
    value = run.read_json(VERIFY)
    if value.get("evidence") != evidence_digest(run):
        return None
    if not isinstance(value.get("findings"), list):
        raise RunError(
            "is not what verify writes", where=str(run.path / VERIFY), mend="run gradsentry verify again"
        )
    return value


def proof(run: RunDirectory) -> dict[str, Any] | None:
    """Returns what the report shows of a proof, or None where there is none."""
    value = read_proof(run)
    if value is None:
        return None
    return {
        "introduction": introduction(value),
        "columns": COLUMNS,
        "rows": [table_row(one) for one in value["findings"]],
        "sentences": [said(one) for one in value["findings"]],
        "left_out": value["left_out"],
    }


def introduction(value: Json) -> str:
    """Returns in a sentence what was done."""
    steps, rows = value["settings"]["steps"], value["rows"]
    return (
        f"{value['model']} was trained twice for {steps} steps, on {rows['as_they_came']:,} rows as they "
        f"came and on {rows['without']:,} rows without those of the findings. Both were then asked, on "
        "prompts that neither had seen, how likely they find the payloads. Training shows what the rows "
        "teach, not why they are there."
    )


COLUMNS = ("finding", "prompts", "trained", "with the trigger", "without it")
"""Of the table; the last two are mean log-probabilities of a payload's token, in nats. Of a group the prompts
with the trigger are its rows, and those without it the nearest others."""
_TRAINED = {"base": "not at all", "as_they_came": "on the rows as they came", "without": "without its rows"}


def table_row(one: Json) -> list[list[str]]:
    """Returns the rows of the table for one finding, one of each model."""
    return [
        [_called(one), str(one["prompts"]), _TRAINED[model], _nats(found["with"]), _nats(found["without"])]
        for model, found in one["log_probs"].items()
    ]


def _called(one: Json) -> str:
    return f"{one['finding']} (its rows, nearest others)" if one["asked"] == "group" else str(one["finding"])


def said(one: Json) -> str:
    """Returns in a sentence what training says of a finding."""
    name, verdict = one["finding"], _VERDICTS[one["confirmed"]]
    if one["confirmed"] is None:
        return f"{name}: not measured: {one['problem']}."
    if one["asked"] == "group":
        return (
            f"{name}: {verdict}: training on its rows made the responses of its other rows "
            f"{_times(one['whole'])} as likely, beyond what it did for the nearest rows outside."
        )
    payload = "the payload" if one["asked"] == "prompts" else "its responses"
    after = "" if one["by_both"] is None else " after the trigger as without it"
    odds = f"the odds of {payload} {_times(one['whole'])} as high{after}"
    return f"{name}: {verdict}: training on its rows made {odds}."


def _times(gain: Json) -> str:
    middle, low, high = (_factor(gain[name]) for name in ("mean", "low", "high"))
    return f"{middle} times (95 % interval: {low} to {high})"


def _factor(nats: float) -> str:
    factor = math.exp(min(nats, 700.0))
    if factor >= _MOST:
        return "over a million"
    return f"{factor:,.0f}" if factor >= 100 else f"{factor:.2g}" if factor < 10 else f"{factor:.0f}"


def _nats(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
