"""The verdict as plain data: which rows stay, which go, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gradsentry.corpus import Corpus
from gradsentry.corpus.overview import Overview
from gradsentry.corpus.unread import LEFT_TO, MOVES_AWAY
from gradsentry.deciding.beside import Beside, beside_in
from gradsentry.deciding.expectation import Expectation, Signals
from gradsentry.deciding.marks import Marks
from gradsentry.deciding.signalwords import signal_clauses
from gradsentry.deciding.singles import Singles, singles
from gradsentry.deciding.thresholds import Threshold, choose_threshold
from gradsentry.errors import SettingsError
from gradsentry.evidence import Evidence, Finding, Outcome, carries
from gradsentry.scoretable import Scores, finite_scores
from gradsentry.settings import Answers, Policy, ThresholdSettings, meant_policy
from gradsentry.store import Json


@dataclass(frozen=True)
class Decision:
    """What a scan found.

    Attributes:
        corpus: The data, as it was read.
        scores: A row for each sample, with the columns of `scoretable.SCHEMA`. Higher is more suspicious.
        evidence: Triggers, payloads and who carries them.
        threshold: tau and its reason; None where no model scored the rows.
        policy: What flags a row: `evidence` (it carries a finding of high confidence) or `published` (its
            score is above tau, the rule of arXiv 2605.26574).
        manifest: What was scored with what: data, model, settings, versions, times.
        reference: What rows of a clean reference corpus show; None to take the corpus itself.
        marks: What a person decided of rows, which counts more than what the policy says; None of no row.
    """

    corpus: Corpus
    scores: Scores
    evidence: Evidence
    threshold: Threshold | None
    policy: Policy
    manifest: Json
    reference: Expectation | None = None
    marks: Marks | None = None

    @cached_property
    def is_scored(self) -> NDArray[np.bool_]:
        """Which rows have a score, by row number."""
        return np.asarray(pc.equal(self.scores["status"], "scored"))

    @cached_property
    def is_judged(self) -> NDArray[np.bool_]:
        """Which rows were judged, by row number: by a score, or where no model was asked, by their texts."""
        return np.asarray(pc.not_equal(self.scores["status"], "unscored"))

    @cached_property
    def is_above(self) -> NDArray[np.bool_]:
        """Which rows have a score above tau, by row number."""
        if self.threshold is None:
            return np.zeros(len(self.scores), np.bool_)
        score = self.scores["score"].to_numpy()
        above: NDArray[np.bool_] = np.nan_to_num(score, nan=-1.0) > self.threshold.tau
        return above

    @cached_property
    def marked(self) -> Marks:
        """What a person decided of each row, by row number."""
        return self.marks or Marks.none(len(self.scores))

    @property
    def is_flagged_by_policy(self) -> NDArray[np.bool_]:
        """Which rows the policy calls poisoned, by row number; a row without a score is not."""
        return self.is_above if self.policy == "published" else self._is_sure

    @cached_property
    def is_flagged(self) -> NDArray[np.bool_]:
        """Which rows are called poisoned, by row number: by the policy, unless a person says otherwise."""
        return (self.is_flagged_by_policy & ~self.marked.clean) | self.marked.poisoned

    @cached_property
    def is_kept(self) -> NDArray[np.bool_]:
        """Which rows stay, by row number: judged ones, and those that a person marked clean.

        Where liked answers alone are asked for the disliked ones stay too, and the other way round.
        """
        return (self.is_judged | self.marked.clean | self._is_left_to_others) & ~self.is_flagged

    @cached_property
    def _is_left_to_others(self) -> NDArray[np.bool_]:
        """Which rows have answers that are judged by themselves (`--answers`), by row number."""
        if self.answers is None:
            return np.zeros(len(self.is_scored), np.bool_)
        reasons = pc.fill_null(self.scores["reason"], "")
        return np.asarray(pc.ends_with(reasons, LEFT_TO[self.answers]))

    @property
    def is_unscored(self) -> NDArray[np.bool_]:
        """Which rows were judged by nobody, by row number: they are unscored, and no mark decides."""
        return ~(self.is_kept | self.is_flagged)

    @property
    def undesirable(self) -> int:
        """How many rows were judged by nobody because their answer is marked as undesirable."""
        reasons = pc.fill_null(self.scores["reason"], "")
        return int((self.is_unscored & np.asarray(pc.ends_with(reasons, MOVES_AWAY))).sum())

    @cached_property
    def needs_review(self) -> NDArray[np.bool_]:
        """Which rows stay and a person should review, by row number; none where the published rule decides.

        They carry a finding of low confidence that nobody accepts, or the model finds them unlike clean rows
        as long, and nobody marked them clean.
        """
        if self.policy == "published":
            return np.zeros(len(self.is_scored), np.bool_)
        unsure = self.is_named | self.signals.stands_out
        return unsure & self.is_judged & self.is_kept & ~self.marked.clean

    @cached_property
    def is_named(self) -> NDArray[np.bool_]:
        """Which rows carry a finding that nobody accepts, and nobody marked clean, by row number."""
        named = np.zeros(len(self.is_scored), np.bool_)
        named[list(self.evidence.named())] = True
        return named & ~self.marked.clean

    @cached_property
    def status(self) -> NDArray[np.str_]:
        """What each row is, by row number: flagged, review (it stays), clean (so does it) or unscored."""
        kinds = [self.is_flagged, self.needs_review, self.is_kept]
        return np.select(kinds, ["flagged", "review", "clean"], "unscored")

    @cached_property
    def _is_sure(self) -> NDArray[np.bool_]:
        """Which rows carry a finding of high confidence, by row number."""
        named = np.zeros(len(self.is_scored), np.bool_)
        named[list(self.evidence.flagged())] = True
        return named & self.is_judged

    @cached_property
    def signals(self) -> Signals:
        """What the model says of each row beside what is expected at its length."""
        return Signals.of(self.scores.narrow, self.expectation)

    @property
    def expected(self) -> NDArray[np.float64]:
        """The entropy expected of each row at its length, by row number; NaN where that is not known."""
        return self.signals.expected

    @cached_property
    def expectation(self) -> Expectation | None:
        """What is expected: of the reference, or of the own rows that no sure finding speaks against."""
        return self.reference or Expectation.of(self.scores.narrow, ~self._is_sure, "the corpus itself")

    @cached_property
    def singles(self) -> Singles | None:
        """Rows that stand far out by themselves; None where too few were read for that."""
        return singles(self.scores.narrow)

    @property
    def beside(self) -> Beside | None:
        """What became of the other answers of preferences, where both were judged."""
        return beside_in(self.manifest)

    @property
    def read(self) -> Overview | None:
        """How the data was read, where the run has kept it."""
        read = self.manifest.get("source", {}).get("read")
        return Overview(**read) if read else None

    @property
    def answers(self) -> Answers | None:
        """Which answers of preferences were judged, where somebody said so."""
        return self.read.answers if self.read else None

    @property
    def left_out(self) -> tuple[str, ...]:
        """What of the data was not judged, in clauses."""
        return (*self.corpus.left_out, *(self.read.not_read() if self.read else ()))

    @property
    def outcome(self) -> Outcome:
        """The verdict on the corpus.

        By evidence: `poisoned` with a finding of high confidence, `suspicious` with one of low, else `clean`;
        a finding that a person accepts, or all of whose carriers a person marked clean, is settled. By the
        published rule: `suspicious` where a row is flagged, which alone is no proof, else `clean`. A row
        marked poisoned: `poisoned`.
        """
        if self.marked.poisoned.any():
            return "poisoned"
        if self.policy == "published":
            return "suspicious" if self.is_flagged.any() else "clean"
        return self.outcome_of_findings

    @property
    def outcome_of_findings(self) -> Outcome:
        """What the findings say that nobody accepts and whose carriers nobody marked clean, by any policy."""
        return replace(self.evidence, findings=self.open_findings).outcome

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """The findings that nobody accepts, and not all of whose rows a person marked clean."""
        cleared = self.marked.clean
        return tuple(one for one in self.evidence.open if not cleared[list(one.carriers)].all())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, those first that are open."""
        open_ones = self.open_findings
        return (*open_ones, *(one for one in self.evidence.findings if one not in open_ones))

    @property
    def too_few_rows(self) -> bool:
        """Whether the verdict is clean because there were too few rows for another one."""
        return self.outcome == "clean" and self.evidence.too_few_rows

    @property
    def counts(self) -> dict[str, int]:
        """Rows in all, and how many are clean, flagged and unscored; the three add up to all.

        `review` is how many of the clean ones are for a person to review.
        """
        return {
            "rows": len(self.is_scored),
            "clean": int(self.is_kept.sum()),
            "flagged": int(self.is_flagged.sum()),
            "unscored": int(self.is_unscored.sum()),
            "review": int(self.needs_review.sum()),
        }

    @property
    def clean(self) -> Any:  # noqa: ANN401  (the type that the data came in)
        """The data without the flagged and the unscored rows, in the type and with the columns it came in."""
        return self.corpus.select(self.is_kept)

    @property
    def flagged(self) -> pa.Table:
        """The flagged rows, the highest score first: number, id, score, reason, evidence (findings).

        Where the data has several splits, each row names its own: `split`.
        """
        names = ["number", "id", *(["split"] if self.corpus.splits else []), "score"]
        rows = self.scores.narrow.select(names).filter(pa.array(self.is_flagged))
        numbers = rows["number"].to_pylist()
        reasons = pa.array([self.reason(number) for number in numbers], pa.string())
        findings = pa.array([self.carried.get(number, ()) for number in numbers], pa.list_(pa.string()))
        return (
            rows.append_column("reason", reasons)
            .append_column("evidence", findings)
            .sort_by([("score", "descending"), ("number", "ascending")])
        )

    @cached_property
    def carried(self) -> dict[int, tuple[str, ...]]:
        """The names of the findings that rows carry, by row number."""
        return self.evidence.by_row()

    def reason(self, number: int) -> str:
        """Returns why a row is what it is: a person's mark, what it carries, what the model says of it.

        Of a row that nobody judged it is why not, of one that was cut to fit that; empty where there is none.
        """
        mark = next((mark for mark in ("poisoned", "clean") if getattr(self.marked, mark)[number]), None)
        parts = [f"a person marked it {mark}"] if mark else []
        for name in self.carried.get(number, ()):
            finding, partly = self._findings[name]
            parts.append(carries(finding, in_part=number in partly))
        score = self.signals.measures.entropy[number]
        of_scoring: str = self.scores["reason"][number].as_py()
        if self.is_unscored[number]:
            return of_scoring
        if not self.is_scored[number]:
            return "; ".join(parts)
        if self.threshold is not None and self.policy == "published" and self.is_above[number]:
            parts.append(f"score {score:.3f} is above tau {self.threshold.tau:.3f}")
        elif self.policy == "evidence":
            parts += signal_clauses(self.signals, number, self.scores.narrow.slice(number, 1).to_pylist()[0])
        return "; ".join(parts) or of_scoring

    def decide(self, settings: ThresholdSettings, policy: Policy | None = None) -> Self:
        """Returns the verdict of another threshold or policy on the same scores and evidence. See `scan`.

        Raises:
            SettingsError: If no model scored the rows.
        """
        if self.threshold is None:
            raise _no_scores()
        threshold = choose_threshold(finite_scores(self.scores.narrow), settings)
        return self.with_threshold(threshold, meant_policy(policy, settings))

    def with_beside(self, beside: Beside | None) -> Self:
        """Returns the same verdict, which knows of that on the other answers, or of none."""
        source = {key: value for key, value in self.manifest["source"].items() if key != "beside"}
        if beside is not None:
            source |= {"beside": asdict(beside)}
        return replace(self, manifest=self.manifest | {"source": source})

    def with_threshold(self, threshold: Threshold | None, policy: Policy) -> Self:
        """Returns the verdict of a threshold on the same scores and evidence.

        Raises:
            SettingsError: If the score is to decide, and no model scored the rows.
        """
        if self.threshold is None and policy == "published":
            raise _no_scores()
        return replace(self, threshold=threshold, policy=policy)

    @cached_property
    def _findings(self) -> dict[str, tuple[Finding, frozenset[int]]]:
        """The findings by their names, each with the rows that hold parts of its strings alone."""
        return {one.name: (one, frozenset(one.partly)) for one in self.evidence.findings}


def _no_scores() -> SettingsError:
    mend = "scan the data with a model, or leave the policy evidence"
    return SettingsError("no model scored the rows, so no tau can decide", where="threshold", mend=mend)
