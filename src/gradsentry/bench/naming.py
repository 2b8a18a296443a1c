"""Whether a defence names what the attacker put in, row by row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gradsentry.attacks import Attack
from gradsentry.attacks.base import holds
from gradsentry.attacks.payloads import payload_text
from gradsentry.defences import Strings

NAMED = ("trigger_named", "payload_named")


def named_shares(
    named: Sequence[Strings] | None, attack: Attack | None, prompts: Mapping[int, str]
) -> dict[str, float]:
    """Returns the share of the poisoned rows whose trigger, and whose payload, is named exactly.

    A row's trigger is named if the strings that are said of it are trigger texts of the attack, letter for
    letter, and all that stand in its prompt are among them; one that no row has as a word, within words. What
    else is said of the row does not matter, nor does white space around a string.

    Args:
        named: What the defence says; None if it names nothing whatever it is given.
        attack: What was done, if anything; its settings `trigger` (one text or several) and `payload` say it.
        prompts: The prompts of the poisoned rows, by row.

    Returns:
        `trigger_named` and `payload_named`, in [0, 1]; NaN where no row is poisoned, where the attack has no
        trigger in words or no payload that all rows share, and where `named` is None.
    """
    if named is None or attack is None or not prompts:
        return dict.fromkeys(NAMED, math.nan)
    settings = attack.model_dump()
    given = settings.get("trigger", ())
    triggers = {trigger.strip() for trigger in ([given] if isinstance(given, str) else given)}
    payload = payload_text(settings["payload"]) if settings.get("payload") else None
    said: dict[int, set[str]] = {row: set() for row in prompts}
    explained: set[int] = set()
    for strings in named:
        rows = prompts.keys() & set(strings.rows)
        names = {trigger.strip() for trigger in strings.triggers}
        if names <= triggers:
            for row in rows:
                said[row] |= names
        if strings.payload is not None and strings.payload.strip() == payload:
            explained |= rows
    standing = _standing(triggers, prompts)
    hits = sum(bool(said[row]) and standing[row] <= said[row] for row in prompts)
    return {
        "trigger_named": hits / len(prompts) if triggers else math.nan,
        "payload_named": len(explained) / len(prompts) if payload else math.nan,
    }


def _standing(triggers: set[str], prompts: Mapping[int, str]) -> dict[int, set[str]]:
    """Returns the triggers that stand in each prompt: as words, or within words where none has them so."""
    as_words = {trigger for trigger in triggers if any(holds(text, trigger) for text in prompts.values())}
    return {
        row: {one for one in triggers if (holds(text, one) if one in as_words else one in text)}
        for row, text in prompts.items()
    }
