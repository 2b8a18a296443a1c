"""Files made to cost more than they are long: their time grows with their bytes, and limits end the rest."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from pathlib import Path
from random import Random

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fuzz import hostile
from gradsentry import settings
from gradsentry.corpus import open_corpus, parquetbatches
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

from .files import TEXT_SUFFIXES, make_file

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


@pytest.mark.costly
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


@pytest.mark.costly
def test_a_line_of_many_brackets(tmp_path):
    file = tmp_path / "data.json"
    file.write_bytes(b'{"a": ' + b"[" * 1_000_000 + b"\n")
    with quick():
        assert "nested too deeply" in refusal(file)


def dictionary(text: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def listed(values: pa.Array, each: int) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(values) + 1, each, dtype=np.int32)), values)


def bomb(path, prompt: pa.Array, **more: pa.Array) -> Path:
    table = {"prompt": prompt, "completion": pa.array(["c"] * len(prompt)), **more}
    pq.write_table(pa.table(table), path, compression="zstd")
    return path


POOLS: list[pa.MemoryPool] = []  # what was allocated of one may outlive the test


@contextmanager
def allocating(most: int):
    """Fails where Arrow held more bytes than that at once."""
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    POOLS.append(pool)
    pa.set_memory_pool(pool)
    try:
        yield
    finally:
        pa.set_memory_pool(before)
    assert pool.max_memory() < most


LONG = "x" * (3 << 20)
BOMBS = {
    "a text that each row points to": lambda: {"prompt": dictionary(LONG, 256)},
    "texts of a list": lambda: {"prompt": pa.array(["p"] * 9), "more": listed(dictionary(LONG, 90), 10)},
    "texts of objects of a list": lambda: {
        "prompt": pa.array(["p"] * 9),
        "more": listed(pa.StructArray.from_arrays([dictionary(LONG, 90)], ["text"]), 10),
    },
    "numbers of a list": lambda: {
        "prompt": pa.array(["p"] * 9),
        "more": listed(pa.array(np.zeros(9_000_000, np.int64)), 1_000_000),
    },
    "a page": lambda: {"prompt": pa.array(["x" * (80 << 20)])},
}


@pytest.mark.costly
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_parquet_file_that_holds_much(tmp_path, name):
    file = bomb(tmp_path / "data.parquet", **BOMBS[name]())
    assert file.stat().st_size < 100_000
    with allocating(250 << 20), quick(6):
        assert refusal(file) == (
            f"{file}: holds more than 67,108,864 bytes of rows, a hundred times its size and more, "
            "as only a bomb should; where they are wanted, give a larger `max_bytes`"
        )


def test_values_that_are_more_than_the_bytes_of_a_group(tmp_path, monkeypatch):
    monkeypatch.setattr(parquetbatches, "_MOST_VALUES", 100_000)
    nothing = listed(pa.array(np.zeros(200_000, np.int64)), 100_000)
    file = bomb(tmp_path / "data.parquet", pa.array(["p"] * 2), more=nothing)
    assert refusal(file) == (
        f"{file}: a group of rows has 200,000 values of `more.list.element`; "
        "write it with fewer rows in a group, so that none has more than 100,000"
    )


def test_what_is_wanted_is_read_a_few_rows_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(parquetbatches, "_AT_ONCE", 8 << 20)
    rows = listed(dictionary(LONG, 40), 2)
    file = bomb(tmp_path / "data.parquet", dictionary(LONG, 20), more=rows)
    corpus = open_corpus(file, DataSettings(max_bytes=1 << 30))
    with allocating(60 << 20):
        for sample in corpus:
            assert sample.row == {"prompt": LONG, "completion": "c", "more": [LONG, LONG]}
    saved = corpus.save(tmp_path / "out", list(corpus.take([0, 19])))
    assert pq.read_schema(saved).equals(pq.read_schema(file))
    assert pq.read_table(saved).equals(pq.read_table(file).take([0, 19]))


@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
@pytest.mark.parametrize("compression", [".gz", ".zst"])
def test_a_small_compressed_file_that_holds_much(tmp_path, monkeypatch, suffix, compression):
    monkeypatch.setattr(settings, "_LEAST_BYTES", 1 << 20)
    file = make_file(tmp_path, [{"prompt": "p" * 70_000, "completion": "c"}] * 20, suffix, compression)
    with quick():
        assert "holds more than 1,048,576 bytes of rows, a hundred times its size" in refusal(file)
    assert len(list(open_corpus(file, DataSettings(max_bytes=2 << 20)))) == 20


@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, ".parquet"])
def test_limits_that_are_given(tmp_path, suffix):
    file = make_file(tmp_path, [{"prompt": "p" * 5000, "completion": "c"}] * 5, suffix)
    with pytest.raises(DataError) as caught:
        list(open_corpus(file, DataSettings(max_bytes=20_000)))
    assert str(caught.value) == (
        f"{file}: holds more than 20,000 bytes of rows; where they are wanted, give a larger `max_bytes`"
    )
    with pytest.raises(DataError, match=r"a row longer than 4,000 bytes; .* give a larger `max_row_bytes`"):
        list(open_corpus(file, DataSettings(max_row_bytes=4000)))
    assert len(list(open_corpus(file, DataSettings(max_row_bytes=9000)))) == 5


def test_usual_limits_are_no_part_of_what_a_run_is():
    names = ("format", "response_marker", "split", "subset", "columns", "limit")
    assert DataSettings().identity() == dict.fromkeys(names)
    assert DataSettings(max_bytes=9).identity()["max_bytes"] == 9


def test_bytes_that_are_no_text_in_a_parquet_file(tmp_path):
    wrong = pa.Array.from_buffers(
        pa.string(),
        3,
        [None, pa.py_buffer(np.array([0, 1, 3, 4], np.int32).tobytes()), pa.py_buffer(b"a\xff\xfeb")],
    )
    file = bomb(tmp_path / "data.parquet", pa.array(["p"] * 3), more=wrong)
    assert refusal(file) == f"{file}:2: `more`: invalid UTF-8; mend or remove the row"
    file = bomb(tmp_path / "list.parquet", pa.array(["p"]), more=listed(wrong, 3))
    assert refusal(file) == f"{file}:1: `more`: invalid UTF-8; mend or remove the row"
    rows = datasets.Dataset(pa.table({"prompt": wrong, "completion": wrong}))
    with pytest.raises(DataError, match=r"^dataset\[1\]: `prompt`: invalid UTF-8; mend or remove the row$"):
        list(open_corpus(rows))


def test_a_column_of_a_parquet_file_whose_name_is_no_text(tmp_path):
    file = bomb(tmp_path / "data.parquet", pa.array(["p"]), zzzz=pa.array(["q"]))
    file.write_bytes(file.read_bytes().replace(b"zzzz", b"\xff\xfezz"))
    assert refusal(file).startswith(f"{file}: cannot be read as Parquet ('utf-8' codec can't decode")


def test_a_parquet_file_whose_metadata_would_abort_the_process(tmp_path):
    """As a cut or changed file may say: sizes of texts for a column of numbers."""
    file = tmp_path / "data.parquet"
    file.write_bytes(hostile.file(Random(".parquet495"), ".parquet"))
    assert refusal(file) == (
        f"{file}: cannot be read as Parquet (what it says of a column contradicts itself); "
        "write the file again"
    )
