"""LLaMA-Factory: a data set by its entry in `dataset_info.json`, and a clean one with an entry of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradsentry.corpus.records import dump_json, kind_of
from gradsentry.corpus.streams import replacing
from gradsentry.errors import DataError
from gradsentry.integrations.entries import Entry, screened, split_base
from gradsentry.integrations.sides import OnFindings, Sides, judged
from gradsentry.settings import DataSettings, MessageKeys

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from gradsentry.models.loading import LoadedModel

FILE = "dataset_info.json"
_SOURCES = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name", "file_name")
_COLUMNS = {"prompt": "instruction", "query": "input", "response": "output", "messages": "conversations"}
"""The columns of an entry that names none."""
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
"""The tags of an entry that names none."""
_SPEAKERS = (
    ("user_tag", "user"),
    ("assistant_tag", "assistant"),
    ("observation_tag", "tool"),
    ("function_tag", "assistant"),
    ("system_tag", "system"),
)


@dataclass(frozen=True)
class LlamaFactoryEntry(Entry):
    """An entry of `dataset_info.json`."""

    def write(self, clean: Path, folder: Path) -> Path:
        """Writes the entry into a `dataset_info.json`, beside those that stand there. See `Entry.write`."""
        target = self.refuse_place(folder, FILE)
        others = _read(target) if target.is_file() else {}
        where = {"file_name": clean.resolve().relative_to(folder.resolve()).as_posix()}
        gone = (*_SOURCES, "subset", "folder", "split")
        kept = {key: value for key, value in self.values.items() if key not in gone}
        _, rows = split_base(self.values.get("split"))
        # A file has one split, whatever it was called where the rows come from.
        split = {"split": f"train{rows}"} if rows else {}
        with replacing(target) as stream:
            stream.write(dump_json({**others, self.name: where | kept | split}, indent=2) + b"\n")
        return target


def read_entry(file: str | Path, name: str) -> LlamaFactoryEntry:
    """Returns a data set by its name in a `dataset_info.json`.

    Args:
        file: The file, or the directory that holds it (`dataset_dir`).
        name: The data set (`dataset`).

    Raises:
        DataError: If there is no such entry, or one that cannot be read.
    """
    path = Path(file) / FILE if Path(file).is_dir() else Path(file)
    entries = _read(path)
    if name not in entries:
        mend = f"it has {', '.join(entries) or 'none'}"
        raise DataError(f"has no data set `{name}`", where=str(path), mend=mend)
    values, where = entries[name], f"{path}, {name}"
    if not isinstance(values, Mapping):
        raise DataError(f"is {kind_of(values)}, not an object", where=where, mend="write the entry as one")
    data, split = _source(values, path.parent, where)
    reading = DataSettings(split=split, subset=values.get("subset"), **_layout(values, where))
    return LlamaFactoryEntry(path, name, values, data, reading)


def screen_entry(
    file: str | Path,
    name: str,
    *,
    out: str | Path,
    model: str | PreTrainedModel | LoadedModel | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    on_findings: OnFindings = "drop",
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
) -> Sides:
    """Judges a data set of a `dataset_info.json`, and writes the clean one with its entry.

    Train with `dataset_dir: OUT` and the same `dataset`.

    Args:
        file: The file, or the directory that holds it (`dataset_dir`).
        name: The data set (`dataset`).
        out: The directory that the clean rows and their entry are written to.
        model: The clean base model, for a scan; None to read the texts alone.
        tokenizer: Of a loaded model.
        on_findings: What is done where something was found; `warn` writes all rows.
        false_alarm_rate: How often evidence may call clean data poisoned; if not given, 0.01. Of preferences
            each side is judged by it.
        calibration: The file of a calibration (`gradsentry calibrate`); if not given, the shipped one.
        accept: The file of findings that a person accepts (`gradsentry accept`), which flag and refuse
            nothing; of preferences on either side.

    Raises:
        FindingsError: If something was found, and `on_findings` is `refuse`.
        UsageError: If the entry, its data or the model is wrong.
    """
    entry, folder = read_entry(file, name), Path(out)
    entry.refuse_place(folder, FILE)
    judge = partial(
        judged,
        model=model,
        tokenizer=tokenizer,
        false_alarm_rate=false_alarm_rate,
        calibration=calibration,
        accept=accept,
    )
    sides, clean = screened(entry, folder, re.sub(r"[^\w.-]+", "-", name), judge, on_findings)
    entry.write(clean, folder)
    return sides


def _read(path: Path) -> dict[str, Any]:
    """Returns the entries of a file.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"cannot be read ({what})", where=str(path), mend=f"give a {FILE}") from None
    if not isinstance(entries, dict):
        mend = "write an entry for each data set, by its name"
        raise DataError(f"is {kind_of(entries)}, not an object of entries", where=str(path), mend=mend)
    return entries


def _source(values: Mapping[str, Any], folder: Path, where: str) -> tuple[str, str | None]:
    """Returns what an entry reads, and of which split."""
    base, _ = split_base(values.get("split"))
    if values.get("folder"):
        mend = "download it, and name its files with file_name"
        raise DataError("names a `folder` of a Hub data set, which is not read", where=where, mend=mend)
    key = next((one for one in _SOURCES if one in values), None)
    if key is None:
        raise DataError("names no data", where=where, mend="give file_name or hf_hub_url")
    source = str(values[key])
    match key:
        case "hf_hub_url":
            return source, base or "train"
        case "file_name":
            return str(folder / source), None
        case "cloud_file_name":
            return source, None
    mend = "download it, and name its files with file_name"
    raise DataError(f"names its data by `{key}`, which is not read", where=where, mend=mend)


def _layout(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns the settings of how the rows of an entry are read."""
    columns, tags = values.get("columns", _COLUMNS), values.get("tags", _TAGS)
    formatting = values.get("formatting", "alpaca")
    if not isinstance(columns, Mapping) or not isinstance(tags, Mapping):
        what = "`columns` and `tags` are objects of names"
        raise DataError(what, where=where, mend="write names as LLaMA-Factory documents them")
    asked = ("prompt", "query", "history") if formatting == "alpaca" else ("messages",)
    if values.get("ranking"):
        answers: tuple[str, ...] = ("chosen", "rejected")
    else:
        answers = ("response",) if formatting == "alpaca" else ()
    named = {
        role: columns[role] for role in (*asked, *answers, "system", "tools") if columns.get(role) is not None
    }
    if columns.get("kto_tag") is not None and not values.get("ranking"):
        named["liked"] = columns["kto_tag"]
    if missing := [role for role in (asked[0], *answers) if role not in named]:
        mend = "where it has text alone, for pretraining, there is no response to judge"
        raise DataError(f"`columns` names no {missing[0]}", where=where, mend=mend)
    if formatting == "alpaca":
        return {"columns": named}
    if formatting not in ("sharegpt", "openai"):
        mend = "write alpaca, sharegpt or openai"
        raise DataError(f"`formatting` is {formatting!r}", where=where, mend=mend)
    if not (tags.get("role_tag") and tags.get("content_tag")):
        raise DataError("`tags` names no role_tag or no content_tag", where=where, mend="name both")
    speakers = {tags[tag]: speaker for tag, speaker in _SPEAKERS if tags.get(tag)}
    keys = MessageKeys.model_validate(
        {"role": tags["role_tag"], "content": tags["content_tag"], "roles": speakers}
    )
    return {"columns": named, "keys": keys}
