"""The section of docs/formats.md on containers: each is read, and what is written of it is compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from datasets import Dataset, DatasetDict

from corpus.files import content_of, make_file
from formats_page import Section, code
from gradsentry.corpus import open_corpus
from gradsentry.corpus.containers import SUFFIXES
from gradsentry.corpus.streams import COMPRESSIONS

INTRO = """
Kept rows are written back unchanged: text byte for byte, columns type for type. Compressed files stay so.
JSON is a list, one object a line, or objects that each stand on several lines.

In a folder the names of folders and files say the split, as `datasets` has it: `validation/a.jsonl`,
`my-test.csv`, `data/dev-00000-of-00001.parquet`; a file whose names say nothing is of `train`. What a README
declares as `configs` is followed: `--subset` names one, else it is the only one or the default. A file that
holds no rows is left out and named; one that may hold rows and cannot be read is refused.

Several files and folders are one corpus, as if they lay in one folder: `gradsentry scan a.jsonl more/`. Each
is written back under its own name, with as much of its path as tells it from the others.

A link in a folder is followed where it leads to something in that folder, and in a snapshot of the Hub's
cache where it leads to a blob of the same repository. Other links, folders that are read already, and pipes
are left out and named. What you name yourself is read, link or not.

A pattern (`'data/*.jsonl'`), `-` (standard input: Parquet, a JSON list, else JSON Lines) and a URL that
fsspec opens (`s3://...`, `hf://datasets/owner/name/file.jsonl`) are read too; the last two are copied first.
In Python so are data frames of pandas and polars, Arrow tables, and an `IterableDataset`, which come back in
their type.

`--columns prompt=ask,response=say` (or `completion=say`; and `system=...`, or `messages=talk` alone) reads
columns of other names, and `--limit` the first rows alone, which then are all that comes back.
"""
ROWS = [{"prompt": "p", "completion": "c"}, {"prompt": "q", "completion": "d"}]


def section() -> Section:
    with TemporaryDirectory() as place:
        examples = enumerate(_examples(Path(place)))
        lines = [_line(name, data, Path(place) / f"out{at}") for at, (name, data) in examples]
    return Section("Containers", INTRO, ("data", "splits", "written as", "rows"), lines)


def _examples(place: Path) -> Iterator[tuple[str, object]]:
    for suffix in SUFFIXES:
        for compression in ("", *COMPRESSIONS):
            yield code(suffix + compression), make_file(place, ROWS, suffix, compression)
    folder = place / "folder"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / f"{name}.jsonl").write_bytes(content_of(".jsonl", ROWS))
    yield "a folder of files", folder
    yield "several files and folders", [folder / "train.jsonl", folder / "test.jsonl"]
    splits = DatasetDict(train=Dataset.from_list(ROWS), test=Dataset.from_list(ROWS))
    splits.save_to_disk(place / "saved")
    yield "what `save_to_disk` wrote", place / "saved"
    yield "`datasets.DatasetDict`, a Hub id", splits
    yield "`datasets.Dataset`", splits["train"]
    yield "a list of dicts", ROWS


def _line(name: str, data: object, out: Path) -> tuple[str, ...]:
    corpus = open_corpus(data)
    saved = corpus.save(out / "clean", corpus)
    files = [saved] if saved.is_file() else [file for file in saved.rglob("*") if file.is_file()]
    written = ", ".join(code(str(file.relative_to(out))) for file in sorted(files))
    same = [dict(sample.row) for sample in open_corpus(saved)] == [dict(sample.row) for sample in corpus]
    return name, ", ".join(corpus.splits) or "none", written, "the same" if same else "not the same"
