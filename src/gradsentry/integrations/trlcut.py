"""What the `max_length` of a TRL trainer takes from its rows, and what of them a verdict is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from gradsentry.counts import rows
from gradsentry.integrations.trltexts import UNTRAINED


@dataclass(frozen=True)
class Cut:
    """How many rows of a trainer are shortened, and how many it left out for their length.

    Attributes:
        limit: `max_length` of the trainer, in tokens; None where there is none.
        total: The rows that it trains on.
        shortened: Those of them that reach the limit, beyond which an `SFTTrainer` has cut them; of pairs,
            which a `DPOTrainer` cuts as it trains, those that go beyond it with one of their answers.
        too_long: The rows that it left out, for no token of a response lies within the limit.
        are_judged_whole: Whether the rows are judged as they were before the trainer cuts them.
    """

    limit: int | None
    total: int
    shortened: int = 0
    too_long: int = 0
    are_judged_whole: bool = False

    @classmethod
    def of(cls, trainer: Any, *, are_judged_whole: bool) -> Self:  # noqa: ANN401  (what a trainer has made)
        """Returns what a trainer of tokenised rows, neither packed nor streamed, takes from them."""
        prepared, limit = trainer.train_dataset, getattr(trainer.args, "max_length", None)
        is_of_pairs = "chosen_ids" in prepared.column_names
        if limit is None:
            return cls(None, len(prepared), are_judged_whole=are_judged_whole)
        # What the trainer has filtered out is still in the table that its rows are drawn from.
        table: pa.Table = prepared.data.table
        is_filtered = len(table) > len(prepared)
        if not is_of_pairs:
            shortened = sum(len(ids) == limit for ids in prepared["input_ids"])
            too_long = _untrained(table["labels"]) if is_filtered else 0
            return cls(limit, len(prepared), shortened, too_long, are_judged_whole)
        names = ("prompt_ids", "chosen_ids", "rejected_ids")
        lengths = zip(*(map(len, prepared[name]) for name in names), strict=True)
        shortened = sum(asked + max(answers) > limit for asked, *answers in lengths)
        keeps_start = trainer.args.truncation_mode == "keep_start"
        beyond = pc.greater_equal(pc.list_value_length(table["prompt_ids"]), limit)
        too_long = pc.sum(beyond).as_py() if is_filtered and keeps_start else 0
        return cls(limit, len(prepared), shortened, too_long, are_judged_whole)

    @property
    def not_judged(self) -> tuple[str, ...]:
        """What a verdict on the trainer's rows is not on, in clauses."""
        told = []
        if self.shortened and not self.are_judged_whole:
            told.append(f"what lies beyond max_length ({self.limit:,} tokens) in {rows(self.shortened)}")
        if self.too_long:
            told.append(f"{rows(self.too_long)} without a response within max_length ({self.limit:,} tokens)")
        return tuple(told)

    def __str__(self) -> str:
        """What is said of it, in clauses; nothing where no row is concerned."""
        said = []
        if self.shortened:
            how = "reach it: what lay beyond is neither trained on nor judged"
            if self.are_judged_whole:
                how = "reach it: judged whole, and trained on as they are cut"
            said.append(f"{self.shortened:,} of {rows(self.total)} {how}")
        if self.too_long:
            said.append(
                f"of {rows(self.too_long)} more no response lies within it: the trainer left "
                f"{'it' if self.too_long == 1 else 'them'} out, unjudged"
            )
        return f"max_length is {self.limit:,} tokens; {'; '.join(said)}" if said else ""


def _untrained(labels: pa.ChunkedArray) -> int:
    """Returns how many rows have no label that is trained on."""
    trained = pc.not_equal(pc.list_flatten(labels), UNTRAINED)
    return len(labels) - len(pc.unique(pc.list_parent_indices(labels).filter(trained)))
