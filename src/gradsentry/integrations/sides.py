"""Verdicts on both answers of preference data, and what is done where something was found.

A swapped pair behind a trigger has a chosen answer that reads like a rejected one, and a rejected answer that
reads like a chosen one.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus import Corpus
from gradsentry.corpus.unread import set_aside
from gradsentry.counts import rows
from gradsentry.deciding.gate import WORSE
from gradsentry.deciding.marks import read_marks
from gradsentry.errors import DataError, FindingsError, SettingsError
from gradsentry.evidence import Finding
from gradsentry.outcome import Verdict
from gradsentry.pairs import is_clean, save_pair
from gradsentry.report.pieces import plain
from gradsentry.report.words import finding_sentence, outcome_words
from gradsentry.textual import screen

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from gradsentry.models.loading import LoadedModel

OnFindings = Literal["drop", "refuse", "refuse_poisoned", "warn"]
_REFUSED = {"refuse": ("suspicious", "poisoned"), "refuse_poisoned": ("poisoned",)}
"""What is done where something was found: the flagged rows go; an error; or a warning alone."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sides:
    """Verdicts on the answers of a data set.

    Attributes:
        chosen: On the answers that are trained on.
        rejected: On those that training moves away from; None where there are none.
    """

    chosen: Verdict
    rejected: Verdict | None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All that there are."""
        return (self.chosen,) if self.rejected is None else (self.chosen, self.rejected)

    @property
    def worst(self) -> Verdict:
        """The worse verdict of the two."""
        return max(self.verdicts, key=lambda one: WORSE.index(one.outcome))

    @property
    def findings(self) -> int:
        """How many findings are open, of all verdicts together."""
        return sum(len(one.open_findings) for one in self.verdicts)

    @cached_property
    def is_flagged(self) -> NDArray[np.bool_]:
        """Which rows one of the sides flags, by row number."""
        flagged = self.chosen.is_flagged
        return flagged if self.rejected is None else flagged | self.rejected.is_flagged

    @property
    def is_kept(self) -> NDArray[np.bool_]:
        """Which rows neither side flags, by row number; one that cannot be judged stays."""
        kept: NDArray[np.bool_] = ~self.is_flagged
        return kept

    @cached_property
    def is_clean(self) -> NDArray[np.bool_]:
        """Which rows stay by each side, by row number: none flags them, and none could not read them."""
        return self.chosen.is_kept if self.rejected is None else is_clean(self.chosen, self.rejected)

    def metrics(self) -> dict[str, float]:
        """Returns what a trainer logs: the worse verdict, and of both findings, rows flagged and unread."""
        unread = self.chosen.evidence.unread
        return {
            "gradsentry/poisoned": float(self.worst.outcome == "poisoned"),
            "gradsentry/suspicious": float(self.worst.outcome == "suspicious"),
            "gradsentry/findings": float(self.findings),
            "gradsentry/rows": float(len(self.is_kept)),
            "gradsentry/flagged": float((~self.is_kept).sum()),
            "gradsentry/unread": float(sum(unread.values()) - set_aside(unread)),
        }

    def save(self, path: str | Path) -> Path:
        """Writes the verdict as a run; two as one each, `chosen` and `rejected`, and beside them what stays.

        What a person decided of rows there stays decided.

        Args:
            path: A directory.

        Returns:
            Where the rows lie that stay by each side.

        Raises:
            RunError: If the path holds something else.
            DataError: If marks that it holds are broken.
            ScoringError: If the disk is full.
        """
        place = Path(path)
        if self.rejected is None:
            run = self.chosen.save(place)
            return self.chosen.corpus.target(run.path / "clean")
        return save_pair(place, self.chosen, self.rejected)

    def reason(self, number: int) -> str:
        """Returns why a row is no clean one, in clauses."""
        if not (self.is_flagged | self.is_clean)[number]:
            side = self.chosen if self.rejected is None or self.chosen.is_unscored[number] else self.rejected
            return f"not judged: {side.reason(number)}"
        parts = [self.chosen.reason(number)] if self.chosen.is_flagged[number] else []
        if self.rejected is not None and self.rejected.is_flagged[number]:
            parts.append(f"its rejected answer: {self.rejected.reason(number)}")
        return "; ".join(parts)


def judged(
    corpus: Corpus,
    model: str | PreTrainedModel | LoadedModel | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    *,
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
    marks: str | Path | None = None,
) -> Sides:
    """Returns the verdicts on a corpus: with a model by a scan; on rejected answers by the texts.

    Args:
        corpus: The rows.
        model: The clean base model; None to read the texts alone.
        tokenizer: Of a loaded model.
        false_alarm_rate: As `screen` takes it, for each side by itself.
        calibration: As `screen` takes it, for both sides.
        accept: As `screen` takes it, for both sides.
        marks: The file of what a person decided of rows, see `read_marks`; of preferences on both sides, but
            that a row marked poisoned is said once, of the chosen one.

    Raises:
        DataError: If a mark is none, or of no row.
    """
    judge = partial(screen, false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept)
    if not any(turn.text.strip() for sample in corpus for turn in sample.rejected):
        return Sides(_marked(judge(corpus, model, tokenizer=tokenizer), marks), None)
    asked, other = corpus.judged_by("chosen"), corpus.judged_by("rejected")
    chosen, rejected = judge(asked, model, tokenizer=tokenizer), judge(other)
    return Sides(_marked(chosen, marks), _marked(rejected, marks, are_said=True))


def _marked(verdict: Verdict, marks: str | Path | None, *, are_said: bool = False) -> Verdict:
    """Returns a verdict with what a person decided of rows, without poisoned ones that are said elsewhere."""
    if marks is None:
        return verdict
    given = read_marks(Path(marks), verdict.scores["id"].to_pylist())
    if are_said:
        given = replace(given, poisoned=np.zeros_like(given.poisoned))
    return replace(verdict, marks=given)


def decided(
    sides: Sides, on_findings: OnFindings, *, where: str = "the data set", unjudged_stay: bool = False
) -> NDArray[np.bool_]:
    """Returns which rows stay, by row number, and warns of what was found, or of too few rows.

    Args:
        sides: What was found.
        on_findings: What is done then.
        where: What the data is called.
        unjudged_stay: Whether rows stay that could not be read.

    Raises:
        FindingsError: If something was found, and that is refused.
        SettingsError: If `on_findings` is no word for what is done.
    """
    if on_findings not in get_args(OnFindings):
        what = f"{on_findings!r} is none"
        raise SettingsError(what, where="on_findings", mend="give drop, refuse, refuse_poisoned or warn")
    worst, settled = sides.worst, [*_accepted(sides), *_by_hand(sides)]
    stay = sides.is_kept if unjudged_stay else sides.is_clean
    if on_findings == "warn":
        stay = np.ones_like(stay)
    if worst.outcome != "clean":
        found = " ".join([f"{_outcomes(sides)}.", *_strongest(sides), *settled])
        if worst.outcome in _REFUSED.get(on_findings, ()):
            what = f"{found} Refused: nothing was changed"
            flagged = int(sides.is_flagged.sum())
            drops = f"leaves the flagged {rows(flagged)} out" if flagged else "leaves no row out"
            look = 'their `save("run")` writes what `gradsentry accept` reads'
            mend = f"on_findings='drop' {drops}; the `sides` of this error hold what was found: {look}"
            raise FindingsError(what, sides=sides, where=where, mend=mend)
        log.warning("gradsentry: %s: %s %s", where, found, _done(sides, on_findings))
    elif settled:
        log.warning("gradsentry: %s: %s. %s", where, _outcomes(sides), " ".join(settled))
    elif worst.too_few_rows:
        log.warning("gradsentry: %s: %s", where, outcome_words(worst))
    if unjudged := int((sides.is_kept & ~stay).sum()):
        log.warning("gradsentry: %s: %s that could not be read: left out", where, rows(unjudged))
    return stay


def nothing_stays(corpus: Corpus) -> DataError:
    """Returns the error for data of which no row stays."""
    mend = (
        "save the verdict of gradsentry.screen, or of judge_dataset, and accept in that run what is harmless"
    )
    return DataError("no row stays", where=corpus.name, mend=mend)


def _outcomes(sides: Sides) -> str:
    """Returns the verdict, or where there are two both, in clauses; each counts the rows of its own side."""
    if sides.rejected is None:
        return outcome_words(sides.chosen)
    return f"Chosen: {outcome_words(sides.chosen)}. Rejected: {outcome_words(sides.rejected)}"


def _strongest(sides: Sides) -> Iterator[str]:
    """Yields what is certain of the strongest finding of each side, in sentences."""
    for side, verdict in _by_side(sides):
        findings = verdict.open_findings
        if not findings:
            continue
        said = plain(finding_sentence(findings[0]))
        yield f"{side}{findings[0].name}, {findings[0].confidence} confidence: {said}{_more(findings[1:])}"


def _more(findings: Sequence[Finding]) -> str:
    """Returns how many findings are not told, by their confidence, in a sentence; nothing where all are."""
    counted = Counter(one.confidence for one in findings)
    told = [f"{count:,} of {confidence} confidence" for confidence, count in counted.items()]
    return f" More findings: {', '.join(told)}." if told else ""


def _accepted(sides: Sides) -> Iterator[str]:
    """Yields the findings that a person accepts, with the reason, in sentences."""
    for side, verdict in _by_side(sides):
        for one in verdict.evidence.findings:
            if one.accepted is not None:
                flags = f"it flags none of its {rows(len(one.carriers))}"
                yield f"{side}{one.name} is accepted ({one.accepted}): {flags}."


def _by_side(sides: Sides) -> Iterator[tuple[str, Verdict]]:
    """Yields the verdicts, each with the words that a sentence on it begins with where there are two."""
    if sides.rejected is None:
        yield "", sides.chosen
        return
    yield "Of the chosen answers: ", sides.chosen
    yield "Of the rejected answers: ", sides.rejected


def _by_hand(sides: Sides) -> Iterator[str]:
    """Yields what a person decided of rows, in a sentence."""
    marked = sides.chosen.marked
    counts = {"poisoned": int(marked.poisoned.sum()), "clean": int(marked.clean.sum())}
    said = " and ".join(f"{count:,} {mark}" for mark, count in counts.items() if count)
    if said:
        yield f"Of the rows a person marked {said}."


def _done(sides: Sides, on_findings: OnFindings) -> str:
    """Returns what was done with the rows, in a sentence."""
    flagged, total = int(sides.is_flagged.sum()), len(sides.is_flagged)
    if on_findings == "warn":
        return f"With on_findings='warn' none of {rows(total)} was left out."
    if not flagged:
        stays = (
            f"No row is flagged, so none of {rows(total)} is left out for it: what was found is trained on"
        )
        return f"{stays}. Look at it first, or give on_findings='refuse'."
    together = "" if sides.rejected is None else "Together "
    review = int((np.logical_or.reduce([one.needs_review for one in sides.verdicts]) & sides.is_kept).sum())
    stay = f" {rows(review)} for review stay, and are trained on." if review else ""
    return f"{together}{flagged:,} of {rows(total)} left out.{stay}"
