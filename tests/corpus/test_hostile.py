"""Files made to cost more than they are long: their time grows with their bytes, and limits end the rest."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager

import pytest

from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError

ROW = '{"prompt": "p", "completion": "c"}'


@contextmanager
def quick(seconds: float = 3.0):
    """Fails where the processor worked longer than that; what else the machine does is not counted."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


def read(path) -> list:
    return [sample.row for sample in open_corpus(path)]


def refusal(path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize("blanks", [" ", "\n"])
def test_blanks_between_the_rows_of_a_list(tmp_path, blanks):
    file = tmp_path / "data.json"
    file.write_text(f"[{blanks * 3_000_000}{ROW}{blanks * 3_000_000},{ROW}{blanks * 3_000_000}]")
    with quick():
        assert len(read(file)) == 2


def test_many_keys_of_which_one_stands_twice(tmp_path):
    keys = {f"k{number}": 1 for number in range(150_000)}
    file = tmp_path / "data.jsonl"
    file.write_text(json.dumps({"prompt": "p", "completion": "c"} | keys)[:-1] + ', "k149999": 2}\n')
    with quick():
        assert "the key `k149999` stands twice in one object" in refusal(file)


@pytest.mark.parametrize("last", ["c149999", "c149998"])
def test_a_header_of_many_columns(tmp_path, last):
    names = ["prompt", "completion", *(f"c{number}" for number in range(149_999)), last]
    file = tmp_path / "data.csv"
    file.write_text(f"{','.join(names)}\n{','.join('x' * len(names))}\n")
    with quick():
        if last == "c149998":
            assert "the column `c149998` stands twice in the header" in refusal(file)
        else:
            assert [len(row) for row in read(file)] == [len(names)]


def test_a_line_of_many_brackets(tmp_path):
    file = tmp_path / "data.json"
    file.write_bytes(b'{"a": ' + b"[" * 1_000_000 + b"\n")
    with quick():
        assert "nested too deeply" in refusal(file)
