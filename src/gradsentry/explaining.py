"""One row of a run, taken apart: what each token of its response cost, and why the row is flagged or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.corpus import Sample
from gradsentry.corpus.sample import Span
from gradsentry.encoding.alignment import token_starts
from gradsentry.encoding.encode import encode
from gradsentry.errors import ModelError, RunError
from gradsentry.evidence import losses_of
from gradsentry.gradients.head import token_shares
from gradsentry.gradients.states import padded_states
from gradsentry.models.loading import LoadedModel, load_model
from gradsentry.outcome import Verdict
from gradsentry.settings import ScoreSettings

_FINDING = re.compile(r"[A-Z]\d+")
"""What a finding is called: F1, G1."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a response.

    Attributes:
        text: The characters that it covers; nothing for the end of the sequence.
        span: Where they stand in the response; None where it covers none.
        loss: In the clean model, in nats.
        share: Of the spectrum: the token's part in the k largest singular values of the row's gradient (see
            `spectra.token_shares`); None where no model was at hand.
        payload: Whether it belongs to a payload of a finding that the row carries.
        window: Whether it belongs to the row's costliest window; see `windows`.
    """

    text: str
    span: Span | None
    loss: float
    share: float | None
    payload: bool
    window: bool


@dataclass(frozen=True)
class Explanation:
    """One row and what a run knows of it.

    Attributes:
        number: The row's number.
        id: Its id.
        split: The split that it is of, where the data has several; else empty.
        status: `flagged`, `review`, `clean` or `unscored`.
        reason: Why it is flagged, or what would be said of it; of an unscored row, why.
        findings: The names of the findings that it carries.
        prompt: All text that is not trained on.
        response: All text that is.
        triggers: Where triggers of its findings stand in the prompt.
        payloads: Where payloads of its findings stand in the response.
        score: The entropy of its spectrum; None for an unscored row.
        expected: The entropy that rows as long show; None where that is not known.
        deviation: How far the entropy lies from it, in spreads.
        anomaly: Of the costliest window; see `windows`.
        anomaly_deviation: How far that lies from what rows as long show, in spreads.
        loss: The mean loss of its response tokens.
        spectrum: The k largest singular values.
        tokens: The response's tokens, in order.
    """

    number: int
    id: str
    split: str
    status: str
    reason: str
    findings: tuple[str, ...]
    prompt: str
    response: str
    triggers: tuple[Span, ...]
    payloads: tuple[Span, ...]
    score: float | None
    expected: float | None
    deviation: float | None
    anomaly: float | None
    anomaly_deviation: float | None
    loss: float | None
    spectrum: tuple[float, ...]
    tokens: tuple[Token, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns the explanation as plain data."""
        return asdict(self)


def row_number(verdict: Verdict, row: str) -> int:
    """Returns the number of the row that is meant: by its id, else by its number, from 0.

    Raises:
        RunError: If there is none.
    """
    ids: list[str] = verdict.scores["id"].to_pylist()
    if row in ids:
        return ids.index(row)
    if row.isdecimal() and int(row) < len(ids):
        return int(row)
    number = f"a number from 0 to {len(ids) - 1}"
    if not _FINDING.fullmatch(row):
        mend = f"give an id as in flagged.jsonl, or {number}"
        raise RunError(f"has no row {row!r}", where=verdict.corpus.name, mend=mend)
    names = [one.name for one in (*verdict.evidence.findings, verdict.evidence.stands_out) if one]
    mend = f"it has {', '.join(names)}" if names else f"nothing was found; a row is an id, or {number}"
    raise RunError(f"has no finding {row} and no row of that id", where=verdict.corpus.name, mend=mend)


def model_of(verdict: Verdict) -> LoadedModel:
    """Returns the model that a run was scored with, loaded again.

    Raises:
        ModelError: If it is not to be had, or is another one by now.
    """
    manifest = verdict.manifest
    if manifest["model"] is None:
        raise ModelError("no model scored its rows", where=verdict.corpus.name, mend="scan the data with one")
    named, identity = manifest["model"], manifest["identity"]["model"]
    loaded = load_model(named["name"], dtype=identity["dtype"])
    if loaded.fingerprint != identity["fingerprint"]:
        mend = "bring back the one that it was, or scan again into another directory"
        raise ModelError("is another model than the run was scored with", where=named["name"], mend=mend)
    return loaded


def explain(verdict: Verdict, number: int, loaded: LoadedModel | None = None) -> Explanation:
    """Returns what a run knows of one row, and with its model each token's share of the spectrum.

    Args:
        verdict: The run's verdict.
        number: The row's number.
        loaded: The model that the run was scored with, or None to do without.
    """
    (sample,) = verdict.corpus.take([number])
    row = verdict.scores.row(number)
    names = verdict.carried.get(number, ())
    carried = [one for one in verdict.evidence.findings if one.name in names]
    scored, signals = row["status"] == "scored", verdict.signals
    payloads = _places(sample.response, [payload for one in carried for payload in one.payloads])
    return Explanation(
        number=number,
        id=row["id"],
        split=sample.split,
        status=str(verdict.status[number]),
        reason=verdict.reason(number),
        findings=names,
        prompt=sample.prompt,
        response=sample.response,
        triggers=_places(sample.prompt, [trigger for one in carried for trigger in one.triggers]),
        payloads=payloads,
        score=row["score"],
        expected=_known(signals.expected[number]) if scored else None,
        deviation=_known(signals.deviation[number]),
        anomaly=_known(signals.measures.anomaly[number]),
        anomaly_deviation=_known(signals.anomaly_deviation[number]),
        loss=row["loss"],
        spectrum=tuple(row["spectrum"] or ()),
        tokens=_tokens(verdict, sample, payloads, loaded) if scored else (),
    )


def _tokens(
    verdict: Verdict, sample: Sample, payloads: Sequence[Span], loaded: LoadedModel | None
) -> tuple[Token, ...]:
    losses, ends = losses_of(verdict.scores, np.array([sample.number]))[0]
    shares = None if loaded is None else _shares(verdict, sample, loaded, len(losses))
    window = verdict.scores["window"][sample.number].as_py()
    made = []
    for place, (start, end) in enumerate(zip(token_starts(ends).tolist(), ends.tolist(), strict=True)):
        span = (start, end) if end >= 0 else None
        made.append(
            Token(
                text=sample.response[start:end] if span else "",
                span=span,
                loss=float(losses[place]),
                share=None if shares is None else float(shares[place]),
                payload=span is not None and any(start < last and end > first for first, last in payloads),
                window=window[0] <= place < window[1],
            )
        )
    return tuple(made)


def _shares(verdict: Verdict, sample: Sample, loaded: LoadedModel, tokens: int) -> NDArray[np.float64]:
    """Returns each response token's share of the spectrum, [T].

    Raises:
        ModelError: If the model takes the row apart in another way than the run did.
    """
    scoring = ScoreSettings.read(verdict.manifest["identity"]["score"], where="the run's manifest")
    limit = min(scoring.max_length, loaded.max_positions or scoring.max_length)
    encoded = encode(sample, loaded.tokenizer, max_length=limit)
    if encoded.n_response != tokens:
        mend = "bring back the tokenizer that it had, or scan again into another directory"
        raise ModelError("has other tokens than the run was scored with", where=loaded.name, mend=mend)
    with torch.inference_mode():
        A = padded_states(loaded, [encoded]).wanted
    return token_shares(loaded.head, encoded, A, crop=scoring.crop, k=scoring.k)


def _known(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None


def _places(text: str, strings: Sequence[str]) -> tuple[Span, ...]:
    """Returns where strings stand in a text, in order."""
    found = {match.span() for one in strings if one for match in re.finditer(re.escape(one), text)}
    return tuple(sorted(found))
