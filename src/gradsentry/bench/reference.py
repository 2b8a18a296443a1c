"""Every key of a benchmark's spec, with its type, default and meaning; docs/spec.md is written from here.

python -m gradsentry.bench.reference > docs/spec.md
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gradsentry.bench.finetune_spec import FineTuneRun, FineTuneSpec
from gradsentry.bench.spec import Ablations, AttackSpec, DataSpec, DefenceSpec, Lock, Spec
from gradsentry.finetuning.settings import TrainingSettings
from gradsentry.settings import AnswerSettings
from gradsentry.validated import Settings, settings_in

SECTIONS: dict[type[Settings], tuple[str, str]] = {
    Spec: ("The spec", "The keys of the file itself."),
    DataSpec: ("An entry of `data`", "A name alone, or:"),
    AttackSpec: ("An entry of `attacks`", "A name alone, or:"),
    DefenceSpec: ("An entry of `defences`", "A name alone, or:"),
    Ablations: ("`ablations`", "Variants of GradSentry that are tried besides."),
    FineTuneSpec: ("`finetune`", "Trainings that show whether a defence removes the backdoor."),
    FineTuneRun: ("An entry of `finetune: runs`", "A block of cells: every combination of what it lists."),
    TrainingSettings: ("`training`", "How a model is fine-tuned, in `finetune` or one of its runs."),
    AnswerSettings: ("`evaluation`", "How a model is asked, in `finetune` or one of its runs."),
    Lock: (
        "`locked`",
        "Written into `spec.lock.yaml`; a run of that file refuses other data, another model or another "
        "dtype, and says first which device and versions are others: "
        "`not as it was locked: device cpu (AVX512), now cpu (AVX2); defence mine sha256:0f3a…, now "
        "sha256:7c21…`. On the same device, with as many threads and the same versions, a rerun into an "
        "empty folder reads each row beside the same others, and gives the same figures but for times. Where "
        "cells were added to a run later, their rows were read beside others than in a rerun: in bfloat16 "
        "that changes the second or third digit of what is read off the model (entropy, loss, states), in "
        "float32 (`dtype: float32`) the last ones.",
    ),
}
"""Settings -> the heading of their keys, and what is said below it."""

_SHOWN = 10  # entries of a default that are listed: as many as a spec's `rates` has
_ENTRY = re.compile(r"^ {4}(\w+): (.*?)(?=^ {4}\w+: |\Z)", re.M | re.S)


def meanings(kind: type[Settings]) -> dict[str, str]:
    """Returns what the docstrings of some settings say of each key."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        text = inspect.cleandoc(one.__doc__ or "").partition("Attributes:\n")[2]
        found |= {key: " ".join(said.split()) for key, said in _ENTRY.findall(text)}
    return found


def page() -> str:
    """Returns docs/spec.md."""
    lines = [
        "# The spec of a benchmark",
        "",
        "`gradsentry bench SPEC.yaml` runs what a YAML file lists; [extending.md](extending.md) has a whole",
        "one, and [names.md](names.md) every defence, attack and model that it can name, with settings.",
        "These are its keys, as the code has them; another is refused. Rates are percent of the rows.",
    ]
    for kind, (heading, said) in SECTIONS.items():
        lines += [
            "",
            f"## {heading}",
            "",
            said,
            "",
            "| key | type | default | meaning |",
            "|---|---|---|---|",
        ]
        known = meanings(kind)
        lines += [
            f"| `{key}` | {type_of(field)} | {default_of(field)} | {cell(known[key])} |"
            for key, field in kind.model_fields.items()
        ]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Returns a text as a cell of a table."""
    return text.replace("|", "\\|")


def type_of(field: FieldInfo) -> str:
    """Returns the type of a key in words, with its bounds."""
    bounds = [
        f"{sign} {_short(getattr(one, name))}"
        for one in field.metadata
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if hasattr(one, name)
    ]
    return ", ".join([" or ".join(dict.fromkeys(_words(field.annotation))), *bounds])


def _words(annotation: object) -> Iterator[str]:
    """Yields the alternatives of a type."""
    inner = [one for one in get_args(annotation) if one not in (Ellipsis, type(None))]
    origin = get_origin(annotation)
    if annotation is type(None):
        return
    if origin is Literal:
        yield from (f"`{one}`" for one in inner)
    elif origin in (tuple, list):
        entry = next(settings_in(annotation), None)
        names = " or ".join(dict.fromkeys(_words(inner[0])))
        yield f"list of {_linked(entry)}" if entry else f"list of {names}"
    elif origin is dict:
        yield "mapping"
    elif isinstance(annotation, type) and issubclass(annotation, Settings):
        yield _linked(annotation)
    elif inner and hasattr(annotation, "__metadata__"):
        yield from _words(inner[0])
    elif inner:  # a union
        for one in inner:
            yield from _words(one)
    else:
        yield _PLAIN.get(annotation, "text")


def _short(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


_PLAIN: dict[object, str] = {bool: "true or false", int: "whole number", float: "number"}


def _linked(kind: type[Settings]) -> str:
    """Returns a link to the keys of some settings; of others than a spec's own that they are a mapping."""
    if kind not in SECTIONS:
        return "mapping"
    heading = SECTIONS[kind][0].replace("`", "")
    anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
    return f"[{heading[0].lower()}{heading[1:]}](#{anchor})"


def default_of(field: FieldInfo) -> str:
    """Returns the default of a key in words."""
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Settings):
        return "each by its default"
    if isinstance(value, tuple):
        items = [getattr(one, "shown", one) for one in value]
        shown = [f"{one:g}" if isinstance(one, float) else str(one) for one in items]
        if len(shown) > _SHOWN:
            shown = [*shown[:3], f"and {len(shown) - 3} more"]
        return f"`[{', '.join(shown)}]`"
    if value in (None, "", {}) or value is PydanticUndefined:
        return "none"
    text = str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
    return f"`{text}`"


if __name__ == "__main__":
    print(page(), end="")
