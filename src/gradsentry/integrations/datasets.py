"""datasets: flagged rows dropped as `Dataset.filter` drops rows, and a clean set pushed with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from gradsentry.corpus import open_corpus
from gradsentry.corpus.records import dump_json
from gradsentry.counts import rows
from gradsentry.deciding.gate import not_judged
from gradsentry.errors import GradSentryError, SettingsError, UsageError, first_line
from gradsentry.evidence import Finding
from gradsentry.integrations.sides import OnFindings, decided, judged, nothing_stays
from gradsentry.outcome import Verdict
from gradsentry.report.words import outcome_words
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from gradsentry.models.loading import LoadedModel

Data = TypeVar("Data", "Dataset", "DatasetDict", "IterableDataset")
HEADING = "## Screened for backdoors"
_SHOWN = 200  # characters of a trigger or a payload
_MOST = 20  # findings
_MENDS = {
    401: "log in with `hf auth login`, or give `token=`",
    403: "give a token that may write there",
}
"""What helps where the Hub answers with one of these."""


def drop_flagged(
    dataset: Data,
    model: str | PreTrainedModel | LoadedModel | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    on_findings: OnFindings = "drop",
    reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
) -> Data:
    """Returns a data set without the rows that are flagged or cannot be read, in its type, with its columns.

    Args:
        dataset: The rows; of an `IterableDataset`, rows that are the same each time.
        model: The clean base model, for a scan; None to read the texts alone.
        tokenizer: Of a loaded model.
        on_findings: What is done where something was found.
        reading: How the rows are read.
        false_alarm_rate: How often evidence may call clean data poisoned; if not given, 0.01. Of preferences
            each side is judged by it.
        calibration: The file of a calibration (`gradsentry calibrate`); if not given, the shipped one.
        accept: The file of findings that a person accepts (`gradsentry accept`), which flag and refuse
            nothing; of preferences on either side.

    Raises:
        FindingsError: If something was found, and `on_findings` is `refuse`.
        UsageError: If the data, the model or an option is wrong.
    """
    corpus = open_corpus(dataset, reading)
    sides = judged(
        corpus, model, tokenizer, false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept
    )
    kept: Any = corpus.select(decided(sides, on_findings))
    clean: Data = kept
    return clean


def card_of(verdict: Verdict) -> str:
    """Returns what the card of a clean data set says of its verdict, in Markdown.

    What comes from the data stands in it as JSON in code, where nothing of it is Markdown.
    """
    counts, findings = verdict.counts, verdict.evidence.findings
    version = verdict.manifest["versions"]["gradsentry"]
    judged_by = "their texts" if verdict.threshold is None else f"their texts and {_model(verdict)}"
    lines = [
        HEADING,
        "",
        f"GradSentry {version} judged the data that these rows are of, by {judged_by}.",
        f"{outcome_words(verdict)}.",
        "",
        f"- {rows(counts['rows'])} came; {counts['clean']:,} stay and are these, {counts['flagged']:,} were "
        f"flagged and {counts['unscored']:,} could not be judged: both are left out.",
        f"- {counts['review']:,} of the rows that stay are for a person to review.",
        f"- The SHA-256 of the data as it came is `{verdict.manifest['identity']['data']['sha256']}`.",
        f"- Clean data is called poisoned at a rate of at most {verdict.evidence.false_alarm_rate:g}.",
        *(f"- Not judged: {_code(clause)}." for clause in not_judged(verdict)),
    ]
    if findings:
        lines += ["", "Found in the data as it came:", "", *map(_line, findings[:_MOST])]
        if len(findings) > _MOST:
            lines.append(f"- and {len(findings) - _MOST} more")
    lines += [
        "",
        "A clean verdict says what was looked for and not found, not that the data is harmless.",
        "",
    ]
    return "\n".join(lines)


def push_clean(
    verdict: Verdict, repo_id: str, *, private: bool | None = None, token: str | None = None
) -> None:
    """Pushes the rows that stay to the Hub, with a card that says what was found.

    The rows come first: where the card fails, none says of other rows what was found in these.

    Args:
        verdict: The verdict on the data.
        repo_id: The data set on the Hub, `owner/name`.
        private: Whether it is private, if it is made; None for what the owner has as usual.
        token: Of the Hub; None for the one that is logged in.

    Raises:
        SettingsError: If the name is none, or the rows are of a type that cannot be pushed.
        DataError: If no row stays.
        UsageError: If the Hub takes them not, or the rows but not the card.
    """
    from huggingface_hub import DatasetCard, hf_hub_download

    if repo_id.count("/") > 1:  # such as `buckets/owner/name`, where no card stands
        raise SettingsError("is no data set of the Hub", where=repo_id, mend="give owner/name")
    if not verdict.is_kept.any():
        raise nothing_stays(verdict.corpus)
    try:
        pushed = _pushable(verdict, repo_id).push_to_hub(repo_id, private=private, token=token)
    except GradSentryError:
        raise
    except Exception as error:  # the client of the Hub and the network have exceptions of their own
        raise _not_pushed("was not pushed", repo_id, error) from error
    try:
        name, commit = pushed.repo_url.repo_id, pushed.oid
        # Of this very commit, for `push_to_hub` wrote into it of which files and columns the data set is.
        path = hf_hub_download(name, "README.md", repo_type="dataset", revision=commit, token=token)
        card = DatasetCard.load(path)
        card.text = with_section(card.text, card_of(verdict))
        card.push_to_hub(name, token=token, parent_commit=commit)
    except Exception as error:
        what = "its rows were pushed, but not the card that says what was found"
        raise _not_pushed(what, repo_id, error) from error


def dataset_of(rows: Sequence[Mapping[str, Any]]) -> Dataset:
    """Returns rows as a `Dataset` with the columns of all; `from_list` takes those of the first."""
    from datasets import Dataset

    columns = dict.fromkeys(chain.from_iterable(rows))
    return Dataset.from_list([{name: row.get(name) for name in columns} for row in rows])


def with_section(text: str, section: str) -> str:
    """Returns the text of a card with the section in the place of an earlier one, or at its end."""
    before, found, after = text.partition(HEADING)
    if not found:
        return f"{text.rstrip()}\n\n{section}" if text.strip() else section
    _, mark, rest = after.partition("\n## ")
    return f"{before}{section}{f'{chr(10)}## {rest}' if mark else ''}"


def _pushable(verdict: Verdict, repo_id: str) -> Dataset | DatasetDict:
    """Returns the rows that stay as what can be pushed; those of files in the splits that they came in."""
    from datasets import Dataset, DatasetDict

    clean = verdict.clean
    if isinstance(clean, list):
        clean = dataset_of(clean)
        if names := verdict.corpus.splits:
            split_of = np.array([one.split for one in verdict.corpus])[verdict.is_kept]
            clean = DatasetDict({name: clean.select(np.flatnonzero(split_of == name)) for name in names})
    if not isinstance(clean, Dataset | DatasetDict):
        mend = "judge a Dataset, a DatasetDict, or files"
        raise SettingsError(f"rows of type {type(clean).__name__} cannot be pushed", where=repo_id, mend=mend)
    return clean


def _not_pushed(what: str, repo_id: str, error: Exception) -> UsageError:
    """Returns in one line what the Hub refused, or what kept it from being reached."""
    from huggingface_hub.errors import HfHubHTTPError

    said, mend = first_line(error), "check the name, the token and the network, and push again"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        answer = (error.server_message or "").partition("\n")[0]
        said = f"the Hub answers {status}{answer and f': {answer}'}"
        mend = _MENDS.get(status, mend)
    return UsageError(f"{what} ({said})", where=repo_id, mend=mend)


def _model(verdict: Verdict) -> str:
    return _code(str((verdict.manifest["model"] or {}).get("name", "a model")))


def _line(finding: Finding) -> str:
    """Returns a finding in a line of a list."""
    parts = [f"- {finding.name}, {finding.confidence} confidence, {rows(len(finding.carriers))}"]
    if finding.triggers:
        joint = " together with " if finding.combine == "all" else " or "
        parts.append("trigger " + joint.join(map(_code, finding.triggers)))
    if finding.payload is not None:
        parts.append(f"payload {_code(finding.payload)}")
    if finding.accepted is not None:
        parts.append(f"a person accepts it: {_code(finding.accepted)}")
    return "; ".join(parts)


def _code(text: str) -> str:
    """Returns a text as JSON in a code span, cut where it is long; no character of it ends the span."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    written = "".join(
        char if char.isprintable() else f"\\u{ord(char):04x}" for char in dump_json(shown).decode("utf-8")
    )
    fence = "`"
    while fence in written:
        fence += "`"
    return f"{fence} {written} {fence}"
