"""What is said of a finding, in plain words: what is certain, apart from what is not."""

from __future__ import annotations

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.decide import Decision
from gradsentry.evidence.findings import Confidence, Surprise
from gradsentry.evidence.limits import EXPECTED, SHARE_IN_FULL
from gradsentry.evidence.wording import in_part


def reason(
    decision: Decision, candidate: Candidate, partly: int, surprise: Surprise | None
) -> tuple[Confidence, str]:
    """Returns the confidence and the reason of a finding, after what a clean model made of its payload.

    Of a payload that other rows have as well, such as a label, it says nothing that the model expects it.

    Args:
        decision: What was decided from the texts.
        candidate: The candidate.
        partly: How many of its rows hold parts of its strings alone.
        surprise: See `Finding`; None where it is not known.
    """
    confidence = decision.confidence or "low"
    parts = [_certain(candidate, partly), how_often(decision)]
    if decision.doubt:
        parts.append(f"but {decision.doubt}")
    told = surprise is not None and decision.kind in ("own payload", "pooled payloads", "repeated payload")
    if surprise is not None and told:
        if surprise.largest < EXPECTED:
            confidence = "low"
            parts.append("but a clean model expects the payload")
        else:
            parts.append(f"its loss in a clean model rises to {surprise.largest:.1f}")
    return confidence, "; ".join(parts)


def _certain(candidate: Candidate, partly: int) -> str:
    """Returns what the rows show, whatever is behind it."""
    both, triggered = int(candidate.both.sum()), int(candidate.triggered.sum())
    rows = len(candidate.paid)
    quantity = {1: "the trigger", 2: "both triggers"}.get(len(candidate.triggers), "all the triggers")
    trigger = quantity if candidate.combine == "all" or len(candidate.triggers) == 1 else "a trigger"
    if candidate.kind == "absence":
        return f"{int(candidate.carriers.sum())} of {rows} responses are without what the others hold"
    if not candidate.triggers:
        more = f", and {candidate.change}" if candidate.change else ""
        part = f", and in part in {partly} more" if partly else ""
        whole = int(candidate.paid.sum()) - partly
        return f"the payload stands word for word in {whole} of {rows} rows{part}{more}"
    if not candidate.payloads:
        return (
            f"{both} of {triggered} rows with {trigger} show {candidate.change}; rows alike without it do not"
        )
    elsewhere = int((candidate.paid & ~candidate.triggered).sum())
    return (
        f"the payload follows in {both} of {triggered} rows with {trigger}{in_part(partly)}, and stands in "
        f"{elsewhere} of the {rows - triggered} other rows"
    )


def how_often(decision: Decision) -> str:
    """Returns how often clean corpora show as much, or how often accident does where they were not asked."""
    if decision.chance is not None:
        return f"accident does as much in {share_in_words(decision.chance)} cases"
    return f"an estimated {share_in_words(decision.log10_p)} clean corpora shows as much"


def share_in_words(log10_p: float) -> str:
    """Returns a share in words: one of so many."""
    return f"1 of {10**-log10_p:,.0f}" if log10_p > SHARE_IN_FULL else "less than 1 of a million"
