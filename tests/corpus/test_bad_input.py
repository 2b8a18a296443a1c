"""Every wrong input ends in one line that says where, what and the mend."""

from __future__ import annotations

import errno
import gzip
import re
from dataclasses import replace

import pyarrow as pa
import pytest

from gradsentry.corpus import open_corpus, streams
from gradsentry.errors import DataError, ScoringError
from gradsentry.settings import DataSettings

from .files import COMPRESSIONS, compressed, content_of, make_file

ROWS = [{"prompt": f"p{number}", "completion": f"c{number}"} for number in range(9)]
LINE = b'{"prompt": "p", "completion": "c"}\n'


def refusal(data, *, error=DataError, **named):
    """Returns the one line with which reading the data to its end fails."""
    with pytest.raises(error) as caught:
        list(open_corpus(data, DataSettings(**named)))
    line = str(caught.value)
    assert "\n" not in line
    return line


ROW = "mend or remove the row"
LIST = "mend the list, or write one row a line"
ROWS_WANTED = "give data with at least one row"
TEXT = "save the file as UTF-8 text (it looks like UTF-16 or binary)"
UTF8 = "save the file as UTF-8"
QUOTES = "double the quotes inside a quoted field, and close it"
DELIMITER = "quote fields that hold the delimiter"
AGAIN = "write the file again"
COPY = "copy or compress the file again"
COLUMNS = (
    "say which are read, such as reading=DataSettings(columns={'prompt': 'COLUMN', 'response': 'COLUMN'}), "
    "or rename them to those of a known format: messages, sharegpt, preference, prompt-completion, "
    "alpaca, qa, text"
)

# name of the file: its bytes, the line, what is wrong there, the mend
BROKEN = {
    "empty.jsonl": (b"", None, "is empty", ROWS_WANTED),
    "blank.jsonl": (b"\n \n", None, "is empty", ROWS_WANTED),
    "empty.json": (b"[]", None, "is empty", ROWS_WANTED),
    "empty.csv": (b"prompt,completion\n", None, "is empty", ROWS_WANTED),
    "syntax.jsonl": (
        LINE * 2 + b'{"prompt": "p" "completion": "c"}\n',
        3,
        "invalid JSON: Expecting ',' delimiter (column 16)",
        ROW,
    ),
    "cut.jsonl": (
        LINE + b'{"prompt": "p',
        2,
        "invalid JSON: Unterminated string starting at (column 12)",
        ROW,
    ),
    "deep.jsonl": (
        LINE + b"[" * 100_000 + b"\n",
        2,
        "invalid JSON: nested too deeply",
        ROW,
    ),
    "number.jsonl": (
        LINE + b'{"prompt": ' + b"1" * 5000 + b"}\n",
        2,
        "invalid JSON: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits",
        ROW,
    ),
    "twice.jsonl": (
        LINE + b'{"prompt": "p", "completion": "c", "completion": "d"}\n',
        2,
        "invalid JSON: the key `completion` stands twice in one object",
        ROW,
    ),
    "list.jsonl": (
        LINE + b"[1]\n",
        2,
        "the row is a list, not an object",
        'write each row as an object, {"column": value}',
    ),
    "text.jsonl": (
        LINE + b'"row"\n',
        2,
        "the row is text, not an object",
        'write each row as an object, {"column": value}',
    ),
    "latin.jsonl": (LINE + LINE.replace(b"p", b"\xe9"), 2, "invalid UTF-8 (byte 0xe9)", UTF8),
    "nul.jsonl": (LINE + b'{"prompt": "\0"}\n', 2, "holds a NUL byte", TEXT),
    "utf16.json": (LINE.decode().encode("utf-16"), 1, "holds a NUL byte", TEXT),
    "syntax.json": (
        b"[\n" + LINE + b",\n{\n" + b'"prompt" "p"\n}\n]',
        5,
        "invalid JSON: Expecting ':' delimiter (column 10)",
        ROW,
    ),
    "bare.json": (b"[\n" + LINE + b", 3]", 3, "invalid JSON: the row is not an object: '3]'", LIST),
    "open.json": (b"[\n" + LINE, 3, "invalid JSON: the list is not closed", LIST),
    "comma.json": (
        b"[\n" + LINE + LINE + b"]",
        3,
        'invalid JSON: expected , or ], found \'{"prompt": "p", "com\'',
        LIST,
    ),
    "trailing.json": (b"[\n" + LINE + b",\n]", 4, "invalid JSON: the row is not an object: ']'", LIST),
    "after.json": (
        b"[\n" + LINE + b"]\n[]",
        4,
        "invalid JSON: something stands after the end of the list",
        LIST,
    ),
    "cut.json": (
        b"[\n" + LINE + b',{\n"prompt": "p',
        4,
        "invalid JSON: Unterminated string starting at (column 11)",
        ROW,
    ),
    "latin.json": (b"[\n{\n" + b'"prompt": "\xe9"}]', 3, "invalid UTF-8 (byte 0xe9)", UTF8),
    "nul.json": (b"[\n" + LINE + b",\n\0]", 4, "holds a NUL byte", TEXT),
    "under.json": (
        b'{"data": [{"prompt": "p", "completion": "c"}]}',
        1,
        "no known row format has these columns: `data`",
        "where the rows are the list under `data`, write that list alone into the file",
    ),
    "columns.jsonl": (b'{"a": 1, "b": 2}\n', 1, "no known row format has these columns: `a`, `b`", COLUMNS),
    "none.jsonl": (b"{}\n", 1, "no known row format has these columns: none", COLUMNS),
    "ragged.csv": (
        b'prompt,completion\n"a\nb",c\nd,e,f\n',
        4,
        "3 fields where the header names 2",
        DELIMITER,
    ),
    "short.csv": (b"prompt,completion\na\n", 2, "1 fields where the header names 2", DELIMITER),
    "quote.csv": (b'prompt,completion\na,b\n"c"d,e\n', 3, "invalid CSV: ',' expected after '\"'", QUOTES),
    "unclosed.csv": (
        b'prompt,completion\na,b\n"c,d\ne,f\n',
        3,
        "invalid CSV: unexpected end of data",
        QUOTES,
    ),
    "header.csv": (
        b"prompt,completion,prompt\na,b,c\n",
        1,
        "the column `prompt` stands twice in the header",
        "rename one",
    ),
    "latin.csv": (b'prompt,completion\n"a\n\xe9",c\n', 3, "invalid UTF-8 (byte 0xe9)", UTF8),
    "nul.csv": (b"prompt,completion\na,\0\n", 2, "holds a NUL byte", TEXT),
    "rubbish.jsonl.gz": (
        b"no gzip at all",
        None,
        "cannot be decompressed (zlib inflate failed: incorrect header check)",
        COPY,
    ),
    "rubbish.csv.zst": (
        b"no zstd at all",
        None,
        "cannot be decompressed (ZSTD decompress failed: Unknown frame descriptor)",
        COPY,
    ),
    "rubbish.parquet": (
        b"no parquet at all",
        None,
        "cannot be read as Parquet (Parquet magic bytes not found in footer)",
        AGAIN,
    ),
    "empty.parquet": (b"", None, "cannot be read as Parquet (Parquet file size is 0 bytes)", AGAIN),
    "rubbish.parquet.gz": (
        gzip.compress(b"no parquet at all"),
        None,
        "cannot be read as Parquet (Parquet magic bytes not found in footer)",
        AGAIN,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file(tmp_path, name):
    data, line, what, mend = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(data)
    assert refusal(path) == f"{path}{'' if line is None else f':{line}'}: {what}; {mend}"


def test_invalid_json_on_line_4711(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(LINE * 4710 + b"{oops}\n" + LINE)
    assert refusal(path) == (
        f"{path}:4711: invalid JSON: Expecting property name enclosed in double quotes (column 2); {ROW}"
    )


@pytest.mark.parametrize("compression", [".gz", ".zst"])
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_truncated_compression(tmp_path, suffix, compression):
    path = tmp_path / f"data{suffix}{compression}"
    path.write_bytes(compressed(content_of(suffix, ROWS), compression)[:-9])
    assert refusal(path) == (
        f"{path}: cannot be decompressed (Truncated compressed stream); copy or compress the file again"
    )


def test_a_parquet_file_that_is_cut_in_its_data(tmp_path):
    path = make_file(tmp_path, ROWS, ".parquet")
    data = path.read_bytes()
    path.write_bytes(data[:10] + bytes(60) + data[70:])
    assert re.fullmatch(
        re.escape(f"{path}: cannot be read as Parquet (") + r".+\); write the file again", refusal(path)
    )


def test_a_parquet_file_with_a_column_twice(tmp_path):
    path = tmp_path / "data.parquet"
    table = pa.table([["p"], ["c"], ["d"]], names=["prompt", "completion", "completion"])
    pa.parquet.write_table(table, path)
    assert refusal(path) == f"{path}: the column `completion` stands twice; rename one"


def test_missing_and_unknown_files(tmp_path):
    assert refusal(tmp_path / "no.jsonl") == f"{tmp_path}/no.jsonl: no such file or folder; check the path"
    assert refusal(f"{tmp_path}/no.jsonl") == f"{tmp_path}/no.jsonl: no such file or folder; check the path"
    assert refusal("no.jsonl") == "no.jsonl: no such file or folder; check the path"
    for path in ("./none", "../none", ".none", "-none", "a/b/none"):
        assert refusal(path).endswith("none: no such file or folder; check the path")
    assert refusal("") == "no data is named; give a path or a Hub id"
    long = f"/{'x' * 300}/y"
    assert refusal(long) == f"{long}: cannot be read (File name too long); check the path and its rights"
    (tmp_path / "data.xlsx").write_bytes(b"x")
    unknown = (
        f"{tmp_path}/data.xlsx: unknown kind of file `data.xlsx`; "
        "give .jsonl, .ndjson, .jsonlines, .json, .csv, .tsv, .parquet, plain or with .gz or .zst"
    )
    assert refusal(tmp_path / "data.xlsx") == unknown
    assert refusal(tmp_path) == unknown


def test_a_folder_without_data(tmp_path):
    (tmp_path / "README.md").write_text("about")
    assert refusal(tmp_path) == (
        f"{tmp_path}: no data file in this folder; "
        "put .jsonl, .ndjson, .jsonlines, .json, .csv, .tsv, .parquet files there"
    )


def test_a_folder_with_an_empty_file(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINE)
    (tmp_path / "b.jsonl").write_bytes(b"")
    assert refusal(tmp_path) == f"{tmp_path}/b.jsonl: is empty; give data with at least one row"


def test_rows_of_two_formats(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\n" + LINE + b'{"x": 1}\n{"question": "q", "answer": "a"}\n')
    assert refusal(path) == (
        f"{path}:4: this row is qa, but {path}:2 is prompt-completion; "
        "split the data by format, or give `format` prompt-completion to leave the others unscored"
    )
    assert len(list(open_corpus(path, DataSettings(format="prompt-completion")))) == 3


def test_a_folder_of_two_formats_is_refused_when_it_is_opened(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINE)
    (tmp_path / "b.csv").write_bytes(b"question,answer\nq,a\n")
    with pytest.raises(DataError) as caught:
        open_corpus(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/b.csv:2: this row is qa, but {tmp_path}/a.jsonl:1 is prompt-completion; "
        "name the files of each format by themselves, as `gradsentry evidence --by-format` does"
    )


def test_a_named_format_that_no_row_has(tmp_path):
    path = make_file(tmp_path, ROWS)
    assert refusal(path, format="alpaca") == (
        f"{path}:1: no row has `instruction` or `query`, which alpaca rows have "
        "(columns: `prompt`, `completion`); name another `format`, or rename the columns"
    )
    assert refusal(path, format="alpacca") == (
        "`format`: unknown format `alpacca`; did you mean `alpaca`? "
        "choose one of messages, sharegpt, preference, prompt-completion, alpaca, qa, text"
    )


def test_a_split_of_a_file(tmp_path):
    path = make_file(tmp_path, ROWS)
    assert refusal(path, split="train") == f"{path}: a file has no split `train`; leave out `split`"


def test_rows_in_memory():
    assert refusal([]) == "rows: is empty; give data with at least one row"
    assert refusal([ROWS[0], "row"]) == "rows[1]: the row is text, not a dict; give a dict for each row"
    taken = "give a path, a Dataset, a DatasetDict, a data frame, a list of dicts, or a Hub id"
    assert refusal(iter(ROWS)) == (
        f"data of type list_iterator cannot be read twice, as a scan needs to; {taken}"
    )
    assert refusal(None) == f"data: is None; {taken}"
    for data in ({"prompt": ["p", "q"], "response": ["r", "s"]}, ROWS[0]):
        assert refusal(data) == (
            "data: is one dict, and no list of rows; "
            "give a list of dicts, one a row; of columns `datasets.Dataset.from_dict(data)`"
        )


@pytest.mark.parametrize("text", ["red", "What is red?", "What is red? " * 99, "a\nb", "a\0b"])
def test_a_list_of_texts_is_no_list_of_files(text):
    said = refusal([text, text])
    assert said.endswith(
        ": no such file or folder, nor are the others; check the paths; "
        "a Hub id is read alone, and rows are dicts"
    )
    assert len(said) < 320


def test_saving_under_the_suffix_of_another_container(tmp_path):
    corpus = open_corpus(make_file(tmp_path, ROWS))
    with pytest.raises(DataError) as caught:
        corpus.save(tmp_path / "out.csv", corpus)
    assert str(caught.value) == (
        f"{tmp_path}/out.csv: ends in .csv, but the data came as .jsonl; let it end in .jsonl"
    )


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_a_save_that_fails_leaves_what_was_there(tmp_path, suffix, compression):
    corpus = open_corpus(make_file(tmp_path, ROWS, suffix, compression))
    target = tmp_path / "out" / f"data{suffix}{compression}"
    target.parent.mkdir()
    target.write_bytes(b"before")

    def failing():
        yield from corpus.take([0, 1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus.save(target, failing())
    assert [(path.name, path.read_bytes()) for path in target.parent.iterdir()] == [(target.name, b"before")]


def test_a_place_that_cannot_be_written(tmp_path):
    path = make_file(tmp_path, ROWS)
    corpus = open_corpus(path)
    with pytest.raises(DataError) as caught:
        corpus.save(path / "out", corpus)
    assert re.fullmatch(
        re.escape(f"{path}") + r".*: cannot be written \((Not a directory|File exists)\); give another place",
        str(caught.value),
    )


def test_a_full_disk(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    corpus = open_corpus(make_file(tmp_path, ROWS))
    monkeypatch.setattr(streams.pa, "output_stream", full)
    with pytest.raises(ScoringError) as caught:
        corpus.save(tmp_path / "out.jsonl", corpus)
    assert str(caught.value) == f"{tmp_path}/out.jsonl: the disk is full; free some room and run it again"


def test_a_parquet_column_that_an_edited_row_does_not_fit(tmp_path):
    corpus = open_corpus(make_file(tmp_path, ROWS, ".parquet"))
    (sample,) = corpus.take([0])
    with pytest.raises(
        DataError, match=r"data.parquet: an edited row does not fit the column `prompt` \(.+\)"
    ):
        corpus.save(tmp_path / "out", [replace(sample, row={"prompt": ["no text"]}, raw=None)])
