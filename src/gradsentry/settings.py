"""The settings of a scan: frozen, validated once, the same from the command line, YAML and Python."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from gradsentry.errors import meaning_to_say
from gradsentry.validated import TOLD, Settings

Role = Literal[
    "prompt",
    "query",
    "response",
    "history",
    "system",
    "tools",
    "messages",
    "chosen",
    "rejected",
    "liked",
    "segments",
    "text",
]
Speaker = Literal["system", "user", "assistant", "tool"]
Policy = Literal["evidence", "published"]
DType = Literal["auto", "float32", "bfloat16", "float16"]


def meant_role(given: str) -> str:
    """Returns what a word names that is read of a row: `completion`, as TRL calls it, is the response."""
    return "response" if given == "completion" else given


def unknown_role(given: str) -> tuple[str, str]:
    """Returns what is wrong with a word that names nothing which is read of a row, and the mend."""
    roles = get_args(Role)
    return f"{given} is nothing that is read", f"{meaning_to_say(given, roles)}known are {', '.join(roles)}"


class Limits(Settings):
    """What a file of somebody else's may cost to read; what it holds beyond that is refused.

    Attributes:
        max_bytes: What one file holds once it is decompressed, in bytes; None is `bytes_of` the file.
        max_row_bytes: What one row holds, in bytes; a longer one is a file of another kind.
    """

    max_bytes: int | None = Field(default=None, ge=1)
    max_row_bytes: int = Field(default=64 << 20, ge=1)

    def bytes_of(self, size: int, *, compressed: bool) -> int | None:
        """Returns how many bytes a file of so many may hold; None where there is no limit.

        Rows of text become a tenth of their size when they are compressed, very repetitive ones a fiftieth.
        What becomes a hundredth is a bomb, or one row over and over; gzip can do a thousandth.
        """
        if self.max_bytes is not None or not compressed:
            return self.max_bytes
        return max(_LEAST_BYTES, _MOST_TIMES * size)


_LEAST_BYTES, _MOST_TIMES = 64 << 20, 100


class MessageKeys(Settings):
    """How messages are written whose keys or roles have names of their own, as a trainer is told it.

    Attributes:
        role: The key of who speaks.
        content: The key of the text.
        roles: Names of roles beside the known ones -> who that is.
        trained: Whose messages training computes its loss on.
        flag: The key that says of a message whether it is trained on, whoever speaks; None where none does.
        detail: The key that names the stretches that are trained on; None where none does.
    """

    role: str = "role"
    content: str = "content"
    roles: dict[str, Speaker] = Field(default_factory=dict)
    trained: tuple[str, ...] = ("assistant",)
    flag: str | None = None
    detail: str | None = None


Answers = Literal["chosen", "rejected"]


class DataSettings(Limits):
    """How the rows are read.

    Attributes:
        format: The name of a row format (`corpus/formats.py`); None tells it from the columns.
        response_marker: The text after which the response begins, for rows of one text.
        split: Which split of a `DatasetDict`, a folder or a Hub data set is read; None reads them all.
        columns: What is read -> the column that it stands in (`corpus/naming.py`), `response` by the name of
            `completion` too; None tells it by names.
        keys: How the messages of such a column are written; None tells it by the known keys and roles.
        tokenizer: The path or the Hub id of the tokenizer of rows that are token ids with labels (`input_ids`
            and `labels`), as a trainer has prepared them; None where they are texts.
        limit: How many rows are read at most, the first ones; None reads them all.
        answers: Which answers of preferences are judged, as the response: `chosen` or `rejected`; None judges
            the chosen ones, and a gate says that the others are not judged.
        subset: Which configuration of a folder or a Hub data set; None takes the only one, or the default.
    """

    format: str | None = None
    response_marker: str | None = None
    split: str | None = None
    subset: str | None = None
    columns: dict[Role, str] | None = Field(default=None, min_length=1)
    keys: MessageKeys | None = None
    tokenizer: str | None = None
    answers: Answers | None = None
    limit: int | None = Field(default=None, ge=1, le=sys.maxsize, strict=True)

    @field_validator("columns", mode="before")
    @classmethod
    def _names_roles(cls, columns: object) -> object:
        if not isinstance(columns, Mapping):
            return columns
        named = {meant_role(role): column for role, column in columns.items()}
        if wrong := [role for role in named if role not in get_args(Role)]:
            raise PydanticCustomError(TOLD, "{said}", {"said": "; ".join(unknown_role(str(wrong[0])))})
        if len(named) < len(columns):
            said = "response and completion are one; name it once"
            raise PydanticCustomError(TOLD, "{said}", {"said": said})
        return named

    def identity(self) -> dict[str, Any]:
        """Returns the settings as a run keeps them: what is rare only where it is given."""
        usual = Limits().model_dump() | {"keys": None, "tokenizer": None, "answers": None}
        return {
            name: value
            for name, value in self.model_dump().items()
            if name not in usual or value != usual[name]
        }


class ScoreSettings(Settings):
    """What is computed for each row; part of a run's identity, so a change refuses to resume.

    Attributes:
        model: `smollm2` (embedded), a path, or a Hub id.
        crop: The region of the gradient, `G[: V // crop, : d // crop]`; 1 is all of it.
        k: How many singular values enter the entropy.
        max_length: Tokens of a row at most; the middle of the prompt is cut first.
        dtype: Of the model; `auto` is bfloat16 on a GPU, and on a processor that multiplies in it; else
            float32.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        token_budget: Tokens of a batch at most, padding counted; None chooses by device.
        trust_remote_code: Whether code that comes with a model may run.
        groups: Whether the mean states of a row are kept, and groups of rows searched in them.
    """

    model: str = "smollm2"
    crop: int = Field(default=8, ge=1)
    k: int = Field(default=16, ge=2)
    max_length: int = Field(default=2048, ge=8)
    dtype: DType = "auto"
    device: str = "auto"
    token_budget: int | None = Field(default=None, ge=1)
    trust_remote_code: bool = False
    groups: bool = True


class EngineSettings(Settings):
    """Where scoring runs; scores do not depend on it.

    Attributes:
        name: `local`, this machine, or `ray`, a Ray cluster, or one of this machine where there is none.
        workers: How many processes hold a model; None is one for each GPU, or one.
        gpus_per_worker: GPUs of each, of `ray`; None is one where the cluster has any.
    """

    name: Literal["local", "ray"] = "local"
    workers: int | None = Field(default=None, ge=1)
    gpus_per_worker: float | None = Field(default=None, ge=0)


class AnswerSettings(Settings):
    """How a model is asked.

    Attributes:
        max_new_tokens: Tokens of an answer at most; decoding is greedy.
        batch_size: Prompts that run together.
        max_length: Tokens of a prompt; its middle is cut first.
    """

    max_new_tokens: int = Field(default=48, ge=1)
    batch_size: int = Field(default=16, ge=1)
    max_length: int = Field(default=1024, ge=8)


class ThresholdSettings(Settings):
    """How tau is chosen.

    Attributes:
        method: `published` (valley of the density), `fixed` or `quantile`.
        tau: The threshold of `fixed`, and the fallback of `published`; in [0, 1].
        quantile: The share of scores below tau, of `quantile`.
    """

    method: Literal["published", "fixed", "quantile"] = "published"
    tau: float = Field(default=0.7, ge=0.0, le=1.0)
    quantile: float = Field(default=0.95, gt=0.0, lt=1.0)


def meant_policy(policy: Policy | None, deciding: ThresholdSettings) -> Policy:
    """Returns the policy, or the one meant: who says how tau is chosen wants it to decide."""
    return policy or ("evidence" if deciding == ThresholdSettings() else "published")
