"""What the section `finetune` of a benchmark runs: poison, defend, train, ask."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gradsentry.errors import SettingsError
from gradsentry.finetuning.settings import TrainingSettings
from gradsentry.settings import AnswerSettings
from gradsentry.validated import Settings

Defence = Literal["none", "published", "default", "graceful", "cleangen", "onion", "oracle"]
"""What stands between the poisoned rows and the answers.

`none` trains on all rows, `oracle` on the truly clean ones. `published` and `default` train on what a scan
leaves by its two rules, `graceful` on what GraCeFul leaves. `cleangen` and `onion` ask the model of `none`:
decoded beside the base model, or with the words taken out of the prompts that read badly.
"""

Rate = Annotated[float, Field(gt=0.0, le=100.0)]


class FineTuneRun(Settings):
    """A block of cells: every combination of what it lists.

    Attributes:
        data: Data sets of the benchmark.
        attacks: Attacks of the benchmark.
        rates: Poison rates in percent.
        defences: What is tried, in this order.
        rows: Rows to train on at most, where they are not the section's.
        training: Training settings that differ from the section's.
        evaluation: Evaluation settings that differ from the section's.
    """

    data: tuple[str, ...] = Field(min_length=1)
    attacks: tuple[str, ...] = Field(min_length=1)
    rates: tuple[Rate, ...] = Field(default=(10.0,), min_length=1)
    defences: tuple[Defence, ...] = Field(default=("none", "published", "default", "oracle"), min_length=1)
    rows: int | None = Field(default=None, ge=2)
    training: dict[str, Any] = Field(default_factory=dict)
    evaluation: dict[str, Any] = Field(default_factory=dict)


class FineTuneSpec(Settings):
    """Fine-tunings that show whether a defence removes the backdoor.

    Attributes:
        runs: Blocks of cells, cheapest first: they run in this order.
        rows: Rows to train on at most, before a defence.
        questions: Test questions, asked clean and asked with the trigger. Of a question-answering set they
            are those of its test split; of other data, rows that are not trained on.
        training: How a model is fine-tuned.
        evaluation: How it is asked.
    """

    runs: tuple[FineTuneRun, ...] = Field(min_length=1)
    rows: int = Field(default=2000, ge=2)
    questions: int = Field(default=300, ge=1)
    training: TrainingSettings = TrainingSettings()
    evaluation: AnswerSettings = AnswerSettings()

    def training_of(self, run: FineTuneRun) -> TrainingSettings:
        """Returns how the models of a block are fine-tuned.

        Raises:
            SettingsError: If a setting is wrong.
        """
        return TrainingSettings.read(self.training.model_dump() | run.training, where="finetune: training")

    def evaluation_of(self, run: FineTuneRun) -> AnswerSettings:
        """Returns how the models of a block are asked.

        Raises:
            SettingsError: If a setting is wrong.
        """
        return AnswerSettings.read(
            self.evaluation.model_dump() | run.evaluation, where="finetune: evaluation"
        )

    def refuse_unknown(self, data: set[str], attacks: set[str]) -> None:
        """Raises SettingsError where a block names a data set or an attack that the benchmark has not."""
        for run in self.runs:
            self.training_of(run)
            self.evaluation_of(run)
            for names, known in ((run.data, data), (run.attacks, attacks)):
                if unknown := sorted(set(names) - known):
                    raise SettingsError(
                        f"{unknown[0]!r} is not in the benchmark",
                        where="finetune: runs",
                        mend=f"known: {', '.join(sorted(known))}",
                    )
