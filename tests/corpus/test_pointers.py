"""Files that Git LFS did not fetch are no broken data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradsentry.corpus import open_corpus
from gradsentry.corpus.byformat import by_format
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

from .files import make_file

ROWS = [{"prompt": "who?", "completion": "nobody"}] * 3
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 12345\n"
SAID = "is a pointer of Git LFS, and not the data; fetch it with `git lfs pull`"


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet", ".jsonl.gz", ".csv.zst"])
def test_a_pointer_is_named_and_how_it_is_fetched(tmp_path: Path, suffix: str):
    path = tmp_path / f"rows{suffix}"
    path.write_text(POINTER)
    make_file(tmp_path, ROWS)
    for opened in (path, tmp_path, [tmp_path / "data.jsonl", path]):
        with pytest.raises(DataError, match=re.escape(f"{path}: {SAID}")):
            open_corpus(opened)
    with pytest.raises(DataError, match=re.escape(f"{path}: {SAID}")):
        by_format([str(tmp_path)], DataSettings())


def test_a_row_that_says_what_a_pointer_does_is_a_row(tmp_path: Path):
    path = make_file(tmp_path, [{"prompt": "what is it?", "completion": POINTER}])
    assert [sample.response for sample in open_corpus(path)] == [POINTER]
