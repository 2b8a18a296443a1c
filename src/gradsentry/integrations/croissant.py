"""The rows that stay -> a description of them in Croissant 1.0, with the verdict in its RAI fields.

It says what a program knows: files, hashes, columns, what was looked for and what was dropped. The licence,
the date of publication and who made the data are for a person to add.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import compress, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gradsentry.corpus.streams import file_sha256
from gradsentry.deciding.gate import not_judged
from gradsentry.errors import RunError
from gradsentry.report.words import outcome_words

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

Json = dict[str, Any]
_CONFORMS = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
_CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_FORMATS = {
    ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines",
    ".jsonlines": "application/jsonlines",
    ".json": "application/json",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".parquet": "application/x-parquet",
}
_BY_COLUMN = (".jsonl", ".ndjson", ".jsonlines", ".csv", ".tsv", ".parquet")
"""Files whose columns a reader of Croissant takes by their names."""
_TYPES: Mapping[type, str] = {str: "sc:Text", bool: "sc:Boolean", int: "sc:Integer", float: "sc:Float"}
_LOOKED_AT = 100  # rows whose columns are described


def croissant(verdict: Decision, run: Path, beside: Path) -> Json:
    """Returns the rows that stay, as the run directory holds them, described in Croissant.

    Args:
        verdict: The verdict.
        run: Its run directory.
        beside: The folder of the description, from which the files are named.

    Raises:
        RunError: If the directory holds no rows that stay.
    """
    files = _clean_files(verdict, run)
    name = re.sub(r"[^\w.-]+", "-", Path(verdict.corpus.name).name) or "data"
    described: Json = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": f"{name}-clean",
        "description": f"The rows of {verdict.corpus.name} that {_tool(verdict)} kept.",
        "conformsTo": _CONFORMS,
        "distribution": [_file(file, run, beside) for file in files],
        "rai:dataPreprocessingProtocol": _what_was_done(verdict),
        "rai:dataLimitations": _what_is_not_known(verdict),
    }
    fields = _fields(verdict, files[0].name) if len(files) == 1 and files[0].suffix in _BY_COLUMN else []
    if fields:
        described["recordSet"] = [{"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}]
    return described


def _clean_files(verdict: Decision, run: Path) -> list[Path]:
    clean = [path for path in sorted(run.glob("clean*")) if path.name.split(".")[0] == "clean"]
    files = [file for path in clean for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    found = [file for file in files if file.is_file()]
    if not found:
        raise RunError("holds no rows that stay", where=str(run), mend="judge the data again with --out")
    return found


def _file(file: Path, run: Path, beside: Path) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": quote(file.relative_to(run).as_posix()),
        "name": file.name,
        "contentUrl": quote(Path(os.path.relpath(file, beside)).as_posix()),
        "contentSize": f"{file.stat().st_size} B",
        "encodingFormat": _FORMATS.get(file.suffix, "application/octet-stream"),
        "sha256": file_sha256(file),
    }


def _fields(verdict: Decision, file: str) -> list[Json]:
    """Returns the columns that hold texts and numbers, as the first rows that stay have them."""
    kinds: dict[str, set[type]] = {}
    for sample in islice(compress(verdict.corpus, verdict.is_kept), _LOOKED_AT):
        for column, value in sample.row.items():
            if value is not None:
                kinds.setdefault(column, set()).add(type(value))
    flat = {column: of for column, of in kinds.items() if of <= _TYPES.keys()}
    return [
        {
            "@type": "cr:Field",
            "@id": f"rows/{quote(column, safe='')}",
            "name": column,
            "dataType": _TYPES[of.pop()] if len(of) == 1 else "sc:Text",
            "source": {"fileObject": {"@id": quote(file)}, "extract": {"column": column}},
        }
        for column, of in flat.items()
    ]


def _tool(verdict: Decision) -> str:
    return f"GradSentry {verdict.manifest['versions']['gradsentry']}"


def _what_was_done(verdict: Decision) -> list[str]:
    counts, source = verdict.counts, verdict.manifest["identity"]["data"]["sha256"]
    model = verdict.manifest["model"]
    read = f"the texts and the model {model['name']}" if model else "the texts, without a model"
    return [
        f"{_tool(verdict)} looked for backdoors in {verdict.corpus.name}, in {read}.",
        f"SHA-256 of what it looked at: {source}.",
        f"Verdict: {verdict.outcome}. {outcome_words(verdict)}.",
        f"Of {counts['rows']} rows {counts['clean']} stay, {counts['flagged']} were flagged and dropped, and "
        f"{counts['unscored']} that could not be judged were dropped.",
    ]


def _what_is_not_known(verdict: Decision) -> list[str]:
    unknown = [
        "Nothing found is no proof: poison whose payload is another one in every row, and whose trigger is "
        "no pattern of the text, can pass.",
    ]
    if review := verdict.counts["review"]:
        unknown.append(f"{review} rows that stay are for a person to review.")
    return unknown + [f"Not judged: {clause}." for clause in not_judged(verdict)]
