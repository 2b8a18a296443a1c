"""Test questions with an attack's trigger, purified or not, and what the trigger is meant to bring."""

from __future__ import annotations

from collections.abc import Sequence

from gradsentry.attacks import Attack, poison
from gradsentry.attacks.payloads import payload_text
from gradsentry.corpus import open_corpus
from gradsentry.defences import Onion
from gradsentry.errors import SettingsError
from gradsentry.finetuning.evaluation import Payload
from gradsentry.finetuning.items import TestItem, asked
from gradsentry.models.loading import LoadedModel
from gradsentry.settings import DataSettings


def with_trigger(
    items: Sequence[TestItem],
    attack: Attack,
    seed: int,
    reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
) -> list[TestItem]:
    """Returns questions with an attack's whole trigger, as many as its rate says; the right answers stay.

    Args:
        items: Clean questions.
        attack: What edits them.
        seed: Of its draws.
        reading: How the rows of the questions are read.

    Raises:
        DataError: If it fits fewer, or the trigger stands in many of them already.
    """
    if "decoys" in type(attack).model_fields:  # rows with a part of the trigger, which teach and do not ask
        attack = attack.model_copy(update={"decoys": 0.0})
    reading = reading.model_copy(update={"split": None, "config": None})  # which is chosen already
    made = poison(open_corpus([dict(item.sample.row) for item in items], reading), attack, seed=seed)
    return [
        TestItem(items[row.source].id, made.samples[row.row], items[row.source].answers)
        for row in made.truth.poisoned
    ]


def purified(
    clean: Sequence[TestItem], triggered: Sequence[TestItem], loaded: LoadedModel
) -> tuple[list[TestItem], list[TestItem]]:
    """Returns clean and triggered questions without the words that ONION takes out (arXiv 2011.10369).

    They are purified together: what all prompts share is taken for a template and left alone, and a trigger
    that stands in every one of them would be.

    Args:
        clean: Clean questions.
        triggered: The same with the trigger; may be none.
        loaded: The trusted model, by which a word reads badly.
    """
    items = [*clean, *triggered]
    fluent = asked(items, Onion().purify([item.sample for item in items], loaded))
    return fluent[: len(clean)], fluent[len(clean) :]


def payload_of(attack: Attack) -> Payload:
    """Returns what an attack's trigger is meant to bring.

    Raises:
        SettingsError: If the attack has no payload that an answer could hold.
    """
    if not hasattr(attack, "payload"):
        what, mend = "has no payload that an answer could hold", "name another attack"
        raise SettingsError(what, where=f"attack {attack.name}", mend=mend)
    return Payload(payload_text(attack.payload), getattr(attack, "placement", "append") == "replace")
