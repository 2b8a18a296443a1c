"""axolotl: the `datasets:` of a configuration, and the same configuration with clean ones in their place."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from gradsentry.corpus.containers import data_suffix
from gradsentry.corpus.records import kind_of
from gradsentry.corpus.streams import replacing
from gradsentry.errors import DataError, UsageError
from gradsentry.integrations.entries import Entry, screened, split_base
from gradsentry.integrations.sides import OnFindings, Sides, judged
from gradsentry.settings import DataSettings, MessageKeys
from gradsentry.yamlfiles import parsed_yaml

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from gradsentry.models.loading import LoadedModel

FILE = "axolotl.yaml"
_ALPACA = {"prompt": "instruction", "query": "input", "response": "output"}
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "alpaca": _ALPACA,
    "alpaca_chat": _ALPACA,
    "alpaca_chat.load_qa": {"prompt": "question", "response": "answer"},
    "alpaca_chat.load_camel_ai": {"prompt": "message_1", "response": "message_2"},
    "alpaca_instruct": _ALPACA,
    "alpaca_w_system": _ALPACA | {"system": "system"},
    "alpaca_w_system.load_open_orca": {
        "prompt": "question",
        "response": "response",
        "system": "system_prompt",
    },
    "alpaca_w_system.load_open_orca_chatml": {
        "prompt": "question",
        "response": "response",
        "system": "system_prompt",
    },
    "context_qa": {"prompt": "article", "query": "question", "response": "answer"},
    "context_qa.load_v2": {"prompt": "context", "query": "question", "response": "answer"},
    "gpteacher": {"prompt": "instruction", "query": "input", "response": "response"},
    "input_output": {"segments": "segments"},
    "jeopardy": {"prompt": "question", "query": "category", "response": "answer"},
    "metharme": {"prompt": "prompt", "response": "generation"},
    "oasst": {"prompt": "INSTRUCTION", "response": "RESPONSE"},
    "orcamini": _ALPACA | {"system": "system"},
    "summarizetldr": {"prompt": "article", "response": "summary"},
}
"""`type` -> the columns that axolotl's strategy of that name reads."""
_PAIR = {"chosen": "chosen", "rejected": "rejected"}
_PREFERENCES: Mapping[str, Mapping[str, str] | None] = {
    "argilla": {"prompt": "instruction", "chosen": "chosen_response", "rejected": "rejected_response"},
    "argilla_chat": None,  # conversations, of which the last messages are the answers
    "icr": {"prompt": "input"} | _PAIR,
    "intel": {"prompt": "question"} | _PAIR,
    "prompt_pairs": {"prompt": "prompt"} | _PAIR,
    "ultra": {"prompt": "prompt"} | _PAIR,
}
"""The last part of a `type` of preferences, as `chatml.intel` -> its columns; None where the format tells."""
_FIELDS = {
    "prompt": ("field_instruction", "instruction"),
    "query": ("field_input", "input"),
    "response": ("field_output", "output"),
    "system": ("field_system", "system"),
}
"""A `type` that is a mapping: what is read -> the key that names its column, and the column if none does."""
_FIELDS_OF_PAIRS = {name: (f"field_{name}", name) for name in ("prompt", "chosen", "rejected")}
_FIELDS_OF_LIKED = {
    "prompt": ("field_prompt", "prompt"),
    "response": ("field_completion", "completion"),
    "liked": ("field_label", "label"),
}
_PAIRED, _LIKED = ("dpo", "ipo", "orpo", "simpo"), ("kto",)
_TYPES = {
    ".jsonl": "json",
    ".ndjson": "json",
    ".jsonlines": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AxolotlEntry(Entry):
    """One of the `datasets:` of a configuration."""

    def cleaned(self, clean: Path) -> dict[str, Any]:
        """Returns the entry of clean rows that lie there; what it says beyond where they lie stays."""
        gone = ("path", "ds_type", "data_files", "name", "split", "revision", "trust_remote_code")
        kept = {key: value for key, value in self.values.items() if key not in gone}
        base, rows = split_base(self.values.get("split"))
        suffix = "." + data_suffix(clean).lower().split(".")[1] if clean.is_file() else ""
        kind = {"ds_type": _TYPES[suffix]} if suffix else {}
        # A file has one split, whatever it was called where the rows come from.
        split = {"split": f"{'train' if suffix else base}{rows}"} if rows or (base and not suffix) else {}
        return {"path": str(clean.resolve())} | kind | split | kept

    def write(self, clean: Path, folder: Path) -> Path:
        """Writes the entry by itself into an `axolotl.yaml`. See `Entry.write`."""
        target = self.refuse_place(folder, FILE)
        _dump(target, {"datasets": [self.cleaned(clean)]})
        return target


def read_entries(file: str | Path, *, tokenizer: str | None = None) -> list[AxolotlEntry]:
    """Returns the `datasets:` of a configuration.

    Args:
        file: The configuration.
        tokenizer: The path or Hub id of the tokenizer of prepared rows; if not given, the configuration's.

    Raises:
        DataError: If it cannot be read, or a data set of it.
    """
    path = Path(file)
    config = _read(path)
    entries = config.get("datasets")
    if not isinstance(entries, list) or not entries or not all(isinstance(one, Mapping) for one in entries):
        what = "`datasets` is no list of data sets"
        raise DataError(what, where=str(path), mend="give a configuration of axolotl")
    for key in ("pretraining_dataset", "test_datasets"):
        if config.get(key):
            log.warning("gradsentry: %s: not read: %s", path, key)
    known = tokenizer or config.get("tokenizer_config") or config.get("base_model")
    return [_entry(path, number, values, config, known) for number, values in enumerate(entries)]


def read_entry(file: str | Path, name: str, *, tokenizer: str | None = None) -> AxolotlEntry:
    """Returns one of the `datasets:` of a configuration, by its number, from 0, or its path.

    Raises:
        DataError: If there is no such data set, or it cannot be read.
    """
    entries = read_entries(file, tokenizer=tokenizer)
    found = [one for number, one in enumerate(entries) if name in (str(number), one.values.get("path"))]
    if len(found) != 1:
        mend = (
            f"give its number: {', '.join(f'{number} is {one.name}' for number, one in enumerate(entries))}"
        )
        what = f"has {'several data sets' if found else 'no data set'} `{name}`"
        raise DataError(what, where=str(file), mend=mend)
    return found[0]


def screen_config(
    file: str | Path,
    *,
    out: str | Path,
    model: str | PreTrainedModel | LoadedModel | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    rows_tokenizer: str | None = None,
    on_findings: OnFindings = "drop",
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
) -> list[Sides]:
    """Judges the `datasets:` of a configuration, each by itself, and writes clean ones and a configuration.

    Train with `axolotl train OUT/axolotl.yaml`.

    Args:
        file: The configuration.
        out: The directory that the clean rows and the configuration are written to.
        model: The clean base model, for a scan; None to read the texts alone.
        tokenizer: Of a loaded model.
        rows_tokenizer: The path or Hub id of the tokenizer of prepared rows, if not the configuration's.
        on_findings: What is done where something was found; `warn` writes all rows.
        false_alarm_rate: How often evidence may call clean data poisoned; if not given, 0.01. Of preferences
            each side is judged by it.
        calibration: The file of a calibration (`gradsentry calibrate`); if not given, the shipped one.
        accept: The file of findings that a person accepts (`gradsentry accept`), which flag and refuse
            nothing; of preferences on either side.

    Raises:
        FindingsError: If something was found, and `on_findings` is `refuse`.
        UsageError: If the configuration, its data or the model is wrong.
    """
    config, folder = _read(Path(file)), Path(out)
    entries = read_entries(file, tokenizer=rows_tokenizer)
    target = entries[0].refuse_place(folder, FILE)
    judge = partial(
        judged,
        model=model,
        tokenizer=tokenizer,
        false_alarm_rate=false_alarm_rate,
        calibration=calibration,
        accept=accept,
    )
    sides, datasets = [], []
    for number, entry in enumerate(entries):
        name = re.sub(r"[^\w-]+", "-", f"{number}-{Path(entry.name).stem}")
        found, clean = screened(entry, folder, name, judge, on_findings)
        sides.append(found)
        datasets.append(entry.cleaned(clean))
    _dump(target, {**config, "datasets": datasets})
    return sides


def _read(path: Path) -> dict[str, Any]:
    try:
        config = parsed_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(
            f"cannot be read ({what})", where=str(path), mend="give a config of axolotl"
        ) from None
    if not isinstance(config, dict):
        mend = "give a config of axolotl"
        raise DataError(f"is {kind_of(config)}, not a mapping", where=str(path), mend=mend)
    return config


def _dump(path: Path, values: Mapping[str, Any]) -> None:
    with replacing(path) as stream:
        stream.write(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True).encode())


def _entry(
    file: Path, number: int, values: Mapping[str, Any], config: Mapping[str, Any], tokenizer: str | None
) -> AxolotlEntry:
    where = f"{file}, datasets[{number}]"
    path = values.get("path")
    if not isinstance(path, str):
        raise DataError("names no `path`", where=where, mend="name the data")
    base, _ = split_base(values.get("split"))
    given = values.get("data_files")
    files = [given] if isinstance(given, str) else [*(given or ())]
    is_here = Path(path).exists()
    if not is_here and "://" not in path and (files or values.get("revision")):
        mend = "download it, and give the path"
        what = "names files or a revision of a Hub data set, which are not read"
        if not all(Path(one).exists() for one in files) or values.get("revision"):
            raise DataError(what, where=where, mend=mend)
    if isinstance(values.get("name"), list):
        raise DataError("names several configurations", where=where, mend="make an entry of each")
    data: str | list[str] = files or path
    split = None if files or Path(path).is_file() or "://" in path else base
    try:
        layout = _layout(values, config, tokenizer)
        reading = DataSettings(split=split, subset=values.get("name"), **layout)
    except UsageError as error:
        raise DataError(error.what, where=where, mend=error.mend) from None
    return AxolotlEntry(file, path, values, data, reading)


def _layout(values: Mapping[str, Any], config: Mapping[str, Any], tokenizer: str | None) -> dict[str, Any]:
    """Returns the settings of how the rows of an entry are read.

    Raises:
        DataError: If it is not known how axolotl reads them.
    """
    kind, learning = values.get("type"), str(config.get("rl") or "")
    if not kind:
        if tokenizer is None:
            mend = "give tokenizer= or --tokenizer"
            raise DataError("its rows are token ids, and no tokenizer is named", mend=mend)
        return {"tokenizer": tokenizer}
    if isinstance(kind, Mapping):
        return {"columns": _own_fields(kind, learning)}
    if str(kind).partition(".")[0] == "chat_template":
        return _of_messages(values, learning, is_whole=str(kind).endswith("argilla_chat"))
    if learning in (*_PAIRED, *_LIKED):
        return _of_preferences(str(kind), learning)
    return _of_type(str(kind), values)


def _of_type(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    base = kind.partition(":")[0]
    if base == "completion":
        return {"columns": {"text": values.get("field") or "text"}}
    if base == "sharegpt":
        return {"format": "sharegpt"}
    if base == "pygmalion":
        roles = {"human": "user", "bot": "assistant"}
        return {"columns": {"messages": "conversations"}, "keys": MessageKeys(content="value", roles=roles)}
    columns = _COLUMNS.get(base) or _COLUMNS.get(base.partition(".load")[0])
    if columns is None:
        known = ", ".join(sorted({*_COLUMNS, "chat_template", "completion", "pygmalion", "sharegpt"}))
        raise DataError(f"`type: {kind}` is not known", mend=f"known are {known}, and a mapping of fields")
    return {"columns": dict(columns)}


def _own_fields(kind: Mapping[str, Any], learning: str) -> dict[str, str]:
    """Returns the columns of a `type` that is a mapping of fields."""
    if learning in _PAIRED:
        fields = _FIELDS_OF_PAIRS
    elif learning in _LIKED:
        fields = _FIELDS_OF_LIKED
    else:
        fields = _FIELDS
    columns = {role: kind.get(key) or usual for role, (key, usual) in fields.items()}
    if not kind.get("field_system"):
        columns.pop("system", None)
    return columns


def _of_messages(values: Mapping[str, Any], learning: str, *, is_whole: bool) -> dict[str, Any]:
    """Returns how messages are read: which column, their keys and roles, and which are trained on."""
    if is_whole:
        return {"format": "preference"}
    mapped = values.get("message_property_mappings") or {}
    roles = {
        source: speaker for speaker, sources in (values.get("roles") or {}).items() for source in sources
    }
    keys = MessageKeys.read(
        {
            "role": values.get("message_field_role") or mapped.get("role", "role"),
            "content": values.get("message_field_content") or mapped.get("content", "content"),
            "roles": roles,
            "trained": tuple(roles.get(one, one) for one in values.get("roles_to_train") or ("assistant",)),
            "flag": values.get("message_field_training"),
            "detail": values.get("message_field_training_detail"),
        },
        where="",
    )
    columns = {"messages": values.get("field_messages") or "messages"}
    if learning in _PAIRED:
        columns |= {name: values.get(f"field_{name}") or name for name in ("chosen", "rejected")}
    elif values.get("field_tools"):
        columns["tools"] = values["field_tools"]
    return {"columns": columns, "keys": keys}


def _of_preferences(kind: str, learning: str) -> dict[str, Any]:
    last = kind.rpartition(".")[2]
    if last not in _PREFERENCES:
        known = ", ".join(sorted(_PREFERENCES))
        mend = f"known are chat_template, a mapping of fields, and those that end in {known}"
        raise DataError(f"`type: {kind}` with `rl: {learning}` is not known", mend=mend)
    columns = _PREFERENCES[last]
    if learning in _LIKED:
        asked = {"argilla": "instruction", "intel": "question"}.get(last, "prompt")
        return {"columns": {"prompt": asked, "response": "completion", "liked": "label"}}
    return {"format": "preference"} if columns is None else {"columns": dict(columns)}
