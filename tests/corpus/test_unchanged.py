"""A file of which every row stays is the same bytes, however it was compressed or grouped."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from itertools import compress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradsentry.corpus import open_corpus
from gradsentry.corpus.editing import write_turns

ROWS = [{"prompt": f"what is {n}?", "completion": f"it is {n}"} for n in range(40)]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def write_gz(path):
    path.write_bytes(gzip.compress(lines(ROWS), compresslevel=1))


def write_parquet(path):
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=7)


def write_blank_lines(path):
    path.write_bytes(lines(ROWS).replace(b"\n", b"\n\n").rstrip(b"\n"))


FILES = {"rows.jsonl.gz": write_gz, "rows.parquet": write_parquet, "rows.jsonl": write_blank_lines}


@pytest.fixture(params=FILES)
def file(request, tmp_path):
    path = tmp_path / "data" / request.param
    path.parent.mkdir()
    FILES[request.param](path)
    return path


def test_a_file_of_which_all_rows_stay_is_the_same_bytes(file, tmp_path):
    came = file.read_bytes()
    corpus = open_corpus(file)
    assert corpus.save(tmp_path / "clean", corpus).read_bytes() == came
    (file.parent / "more.jsonl").write_bytes(lines(ROWS[:5]))
    both = open_corpus(file.parent)
    stay = [sample.row != ROWS[2] or "more" not in sample.origin for sample in both]
    both.save(tmp_path / "both", compress(both, stay))
    assert (tmp_path / "both" / file.name).read_bytes() == came
    assert len((tmp_path / "both" / "more.jsonl").read_bytes().splitlines()) == 4


@pytest.mark.parametrize("change", ["first", "last", "order", "edit"])
def test_a_file_of_other_rows_is_written_again(file, tmp_path, change):
    corpus = open_corpus(file)
    samples = list(corpus)
    if change == "edit":
        turns = [replace(turn, text=turn.text + "!") for turn in samples[-1].turns]
        samples[-1] = write_turns(samples[-1], turns)
    given = {"first": samples[1:], "last": samples[:-1], "order": samples[::-1], "edit": samples}[change]
    written = corpus.save(tmp_path / "other", given)
    assert [sample.row for sample in open_corpus(written)] == [sample.row for sample in given]
    assert written.read_bytes() != file.read_bytes()
