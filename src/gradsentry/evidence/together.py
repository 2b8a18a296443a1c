"""Several corpora judged as one beside each by itself, as the files of several formats are.

A few poisoned rows in each of them say nothing among the rows of that one, and are plain in the sum. What is
found there is told in every corpus that has rows of it, with the counts of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.findings import Evidence, Finding, in_order
from gradsentry.evidence.limits import ENOUGH_ROWS, OF_ONE_TASK
from gradsentry.evidence.mixtures import says_no_more
from gradsentry.evidence.wording import TOGETHER

_APART = 2**40
"""Between the numbers of the first rows of two corpora: more than any has rows."""


@dataclass(frozen=True)
class Together(Iterable[Sample]):
    """The rows of several corpora, one after the other, which may be asked for several times.

    Attributes:
        corpora: The corpora.
    """

    corpora: Sequence[Iterable[Sample]]

    def __iter__(self) -> Iterator[Sample]:
        for place, corpus in enumerate(self.corpora):
            for sample in corpus:
                yield replace(sample, number=place * _APART + sample.number)

    def parted(self, found: Evidence) -> list[tuple[Finding, ...]]:
        """Returns of each corpus what was found in all of them and is whole in a row of it.

        What is only worth a look and of one corpus alone is what that one is like, beside the others: where
        it has rows enough to say, it speaks for itself.
        """
        parts: list[list[Finding]] = [[] for _ in self.corpora]
        for finding in found.findings:
            here = [_in_rows_of(finding, place) for place in range(len(parts))]
            most = max(range(len(parts)), key=lambda place: len(here[place].carriers))
            is_of_one = len(here[most].carriers) >= OF_ONE_TASK * len(finding.carriers)
            if finding.confidence == "low" and is_of_one and self._tells(most):
                continue
            for part, one in zip(parts, here, strict=True):
                if set(one.carriers) - set(one.partly):
                    part.append(one)
        return [tuple(part) for part in parts]

    def _tells(self, place: int) -> bool:
        """Returns whether a corpus has enough rows to say something by itself."""
        return sum(1 for _ in islice(self.corpora[place], ENOUGH_ROWS)) == ENOUGH_ROWS


def with_more(found: Evidence, more: Sequence[Finding]) -> Evidence:
    """Returns the evidence of a corpus, and what else is found in it and others together.

    Args:
        found: What it shows by itself.
        more: What stands in its rows of the findings in all of them. A finding of most of the same rows, as
            sure, says as much.
    """

    def is_told(one: Finding) -> bool:
        return any(
            says_no_more(one, other) and (one.confidence, other.confidence) != ("high", "low")
            for other in found.findings
        )

    added = [one for one in more if not is_told(one)]
    return replace(found, findings=in_order([*found.findings, *added])) if added else found


def _in_rows_of(finding: Finding, place: int) -> Finding:
    """Returns a finding in several corpora with those of its rows that are of one of them."""
    here = range(place * _APART, (place + 1) * _APART)
    return replace(
        finding,
        carriers=tuple(row - here.start for row in finding.carriers if row in here),
        partly=tuple(row - here.start for row in finding.partly if row in here),
        examples=tuple(replace(one, row=one.row - here.start) for one in finding.examples if one.row in here),
        together=len(finding.carriers),
        reason=f"in {TOGETHER}: {finding.reason}",
    )
