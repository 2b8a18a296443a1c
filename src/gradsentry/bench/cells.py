"""One cell of the grid: which mix, which detector, and what came of it."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradsentry.bench.features import FeatureStore
from gradsentry.bench.measuring import Meter
from gradsentry.bench.metrics import METRICS, Outcome, intervals, matched_share, measure
from gradsentry.bench.naming import NAMED, named_shares
from gradsentry.bench.pools import Mix, Pool, draw_mix
from gradsentry.bench.spec import AttackSpec, DataSpec, DefenceSpec, Spec, poisoned_of
from gradsentry.defences import Detector, Features, Flags, Lengths, Scores
from gradsentry.errors import DataError, UsageError
from gradsentry.models.loading import LoadedModel
from gradsentry.plugins import code_of, described

VERSION = 10
"""Raised when the same cell would give another record."""

SAME = 0.01
"""How much of itself a score may differ by, made of a pool and of the mix: rounding, not counts of rows."""

log = logging.getLogger(__name__)

NO_ATTACK = "none"
_OTHERS = (*NAMED, "matched_share", "seconds_per_row", "cpu_seconds_per_row", "peak_mb")
Study = Literal["grid", "k", "crop", "samples"]
Record = dict[str, Any]
"""A row of the results, and what is written beside them, `BESIDE`."""

BESIDE = ("points", "named")
"""In cells of the grid: the scores row by row, and the triggers and payloads that the defence names."""


@dataclass(frozen=True)
class Cell:
    """A place in the grid.

    Attributes:
        study: The grid itself, or which ablation.
        data: The data set.
        attack: The attack, or None at rate 0.
        model: The model's name.
        rate: Poison rate in percent.
        seed: Of the mix.
        defence: The defence.
    """

    study: Study
    data: DataSpec
    attack: AttackSpec | None
    model: str
    rate: float
    seed: int
    defence: DefenceSpec

    @property
    def title(self) -> str:
        """What it is, in a line."""
        attack = self.attack.shown if self.attack else NO_ATTACK
        return f"{self.defence.shown}, {self.data.shown}, {attack} at {self.rate:g} %"


def plan(spec: Spec) -> list[Cell]:
    """Returns the cells in the order they run: defence by defence, so the cheap ones are done first."""
    cells = [cell for defence in spec.defences for cell in _of_defence(spec, defence, "grid", spec.rates)]
    for variant in spec.variants():
        study: Study = variant.label.split("=")[0]  # type: ignore[assignment]
        cells += _of_defence(spec, variant, study, spec.ablations.rates)
    return cells


def _of_defence(spec: Spec, defence: DefenceSpec, study: Study, rates: tuple[float, ...]) -> Iterator[Cell]:
    for model in spec.models:
        for data in spec.data:
            if defence.data is not None and data.shown not in defence.data:
                continue
            for attack in (None, *spec.attacks_on(data, defence)):
                for rate in rates:
                    wanted = defence.rates is None or rate in defence.rates
                    # Where data sets differ in rows, a low rate is not one row of the small ones.
                    wanted = wanted and (not rate or poisoned_of(spec.rows_at_most(data, defence), rate) > 0)
                    if wanted and (rate == 0.0) == (attack is None):
                        for seed in spec.seeds:
                            yield Cell(study, data, attack, model, rate, seed, defence)


def cell_key(cell: Cell, spec: Spec, rows_hash: str, fingerprint: str) -> str:
    """Returns a name for the cell's result, from all that it depends on."""
    detector = cell.defence.build()
    attack = cell.attack.build() if cell.attack else None
    parts = [
        VERSION,
        rows_hash,
        fingerprint,
        cell.study,
        cell.data.shown,
        [cell.attack.shown, cell.attack.rows, attack.model_dump(mode="json")]
        if cell.attack and attack
        else None,
        cell.rate,
        cell.seed,
        [cell.defence.shown, detector.name, detector.model_dump(mode="json"), cell.defence.rows],
        [detector.extractor.name, detector.extractor.version],
        [spec.seed, spec.bootstrap],
        # Somebody's own code: who changes it wants another record.
        *filter(None, [code_of(type(detector), type(attack)), detector.extractor.code]),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def run_cell(
    cell: Cell,
    spec: Spec,
    pool: Pool,
    loaded: LoadedModel,
    store: FeatureStore,
    on_title: Callable[[str], None] = lambda title: None,
) -> Record:
    """Returns the record of a cell: a mix is drawn, the detector decides, and then truth comes in.

    Raises:
        DataError: If not one row would be poisoned.
    """
    detector = cell.defence.build()
    attack = cell.attack.build() if cell.attack else None
    # Of what is read off single rows a mix takes what it draws; a pool is made of few where that costs much.
    limit = cell.defence.rows
    part = pool.first(limit) if limit and detector.extractor.scope != "row" else pool
    mix = draw_mix(part, attack, cell.rate, cell.seed, limit)
    _refuse_no_poison(cell, mix, part)
    on_title(f"{cell.title}, {mix.is_poisoned.sum()} of {len(mix.rows)} rows poisoned")

    def on_rows(done: int, total: int) -> None:
        if done:
            on_title(f"{cell.title}, reading, {done} of {total} rows")

    extracted = store.of_mix(detector.extractor, part, mix, loaded, on_rows)
    with Meter() as meter:
        scores, flags = judged(detector, extracted.features, len(mix.rows))
    # Where the fewest are poisoned a pool, with all of them, is least like the mix.
    is_fewest = cell.seed == spec.seeds[0] and cell.rate == min(filter(None, spec.rates), default=0.0)
    if is_fewest and detector.extractor.scope == "pool" and detector.extractor.code:
        alone = detector.judge(store.of_mix_alone(detector.extractor, part, mix, loaded))
        _warn_of_scope(cell, scores, alone)
    samples = part.samples
    prompts = {int(row): samples[mix.rows[row]].prompt for row in np.flatnonzero(mix.is_poisoned)}
    lengths = store.of_mix(Lengths(), part, mix, loaded).features["n_response"].astype(np.int64)
    bar = detector.tau_of(scores)
    outcome = Outcome(scores, flags, mix.is_poisoned, lengths)
    record = blank(cell) | {
        "status": "done",
        "rows": len(scores),
        "scored": int(np.isfinite(scores).sum()),
        "poisoned": int(mix.is_poisoned.sum()),
        "decoys": mix.decoys,
        "flagged": int(flags.sum()),
        "tau": bar.tau if bar else math.nan,
        "tau_is_fallback": bar.fallback if bar else None,
        "matched_share": matched_share(outcome),
        "seconds_per_row": extracted.seconds + meter.seconds / len(scores),
        "cpu_seconds_per_row": extracted.cpu_seconds + meter.cpu_seconds / len(scores),
        "peak_mb": max(extracted.peak_mb, meter.peak_mb),
        **measure(outcome),
        **named_shares(named := detector.named(extracted.features), attack, prompts),
    }
    for name, (low, high) in intervals(outcome, spec.bootstrap).items():
        record |= {f"{name}_low": low, f"{name}_high": high}
    if cell.study == "grid":
        rows = [samples[number].id for number in mix.rows]
        record["points"] = {"row": rows, "version": part.versions(mix), **_points(outcome)}
        record["named"] = [
            {"triggers": one.triggers, "payload": one.payload, "rows": [rows[place] for place in one.rows]}
            for one in named or ()
        ]
    return record


def _refuse_no_poison(cell: Cell, mix: Mix, pool: Pool) -> None:
    """Raises where a mix that is to be poisoned has no poisoned row."""
    if not cell.rate or mix.is_poisoned.any():
        return
    rows = min(len(pool.clean), cell.defence.rows or len(pool.clean))
    what = f"no row would be poisoned, of {rows} at {cell.rate:g} %"
    mend = "give more rows, a higher rate, or an attack that fits more of them"
    raise DataError(what, where=cell.data.shown, mend=mend)


def _warn_of_scope(cell: Cell, scores: Scores, alone: Scores) -> None:
    """Warns where the scores of a mix are others when it is read without the rest of its pool."""
    if not np.allclose(scores, alone, rtol=SAME, atol=1e-6, equal_nan=True):
        said = "its extractor's scope is pool, and should be mix (docs/extending.md)"
        log.warning("%s: scores change with rows outside of the mix: %s", cell.title, said)


def _points(outcome: Outcome) -> dict[str, list[Any]]:
    """Returns the scores row by row, as plots need them."""
    return {
        "score": outcome.scores.tolist(),
        "flagged": outcome.flags.tolist(),
        "poisoned": outcome.is_poisoned.tolist(),
        "length": outcome.lengths.tolist(),
    }


def judged(detector: Detector, features: Features, rows: int) -> tuple[Scores, Flags]:
    """Returns what a detector makes of features: a score and a flag for each row.

    Raises:
        UsageError: If it returns something else.
    """
    scores = detector.judge(features)
    _refuse_other(scores, detector, "judge", "a float", "f", rows)
    flags = detector.decide(scores)
    _refuse_other(flags, detector, "decide", "a bool", "b", rows)
    return scores, flags


def _refuse_other(given: object, detector: Detector, step: str, of: str, kind: str, rows: int) -> None:
    returned = type(given).__name__
    if isinstance(given, np.ndarray):
        if given.dtype.kind == kind and given.shape == (rows,):
            return
        returned = f"an array of {given.dtype}, {given.shape}"
    where = f"{step} of {described(type(detector))}"
    raise UsageError(f"returned {returned}", where=where, mend=f"return {of} for each of {rows} rows")


def blank(cell: Cell) -> Record:
    """Returns the record of a cell that was not run: its parameters, every number undefined."""
    detector = cell.defence.build()
    numbers = [*METRICS, *(f"{name}_{end}" for name in METRICS for end in ("low", "high"))]
    return {
        "study": cell.study,
        "data": cell.data.shown,
        "attack": cell.attack.shown if cell.attack else NO_ATTACK,
        "attack_settings": json.dumps(cell.attack.settled() if cell.attack else {}),
        "model": cell.model,
        "rate": cell.rate,
        "seed": cell.seed,
        "defence": cell.defence.shown,
        "defence_settings": json.dumps(detector.model_dump(mode="json")),
        "row_limit": cell.defence.rows,
        "status": "failed",
        "error": "",
        "rows": 0,
        "scored": 0,
        "poisoned": 0,
        "decoys": 0,
        "flagged": 0,
        "tau": math.nan,
        "tau_is_fallback": None,
        **dict.fromkeys((*_OTHERS, *numbers), math.nan),
        **dict.fromkeys(BESIDE),
    }


def not_run(cell: Cell, status: Literal["failed", "skipped"], reason: str) -> Record:
    """Returns the record of a cell that gave no result, with the reason."""
    return blank(cell) | {"status": status, "error": reason}
