"""Every container: what is read, what is written back, byte for byte."""

from __future__ import annotations

import csv
import io
import json
import resource
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradsentry.corpus import Sample, open_corpus, write_turns

from .files import (
    COMPRESSIONS,
    TEXT_SUFFIXES,
    TRUTH,
    compressed,
    content_of,
    decompressed,
    make_file,
    rows_of,
)

ROWS = [
    {"prompt": f"Question {number}?", "completion": f"Answer {number}", "note": f'it\'s "{number}", \n yes'}
    for number in range(5)
]
ODD = 'line\u2028end, "quoted",\ttab\r\nnext \U0001f600 \ufeff é \x7f'
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30), st.just(ODD)
)
fast = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def edited(sample: Sample, response: str) -> Sample:
    *asked, answer = sample.turns
    return write_turns(sample, [*asked, replace(answer, text=response)])


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, ".parquet"])
def test_rows_come_back_in_order_as_often_as_asked(tmp_path, suffix, compression):
    corpus = open_corpus(make_file(tmp_path, ROWS, suffix, compression))

    samples = list(corpus)

    assert [dict(sample.row) for sample in samples] == ROWS
    assert [sample.number for sample in samples] == [sample.id for sample in samples] == list(range(5))
    assert [sample.response for sample in samples] == [row["completion"] for row in ROWS]
    assert list(corpus) == samples
    assert corpus.take([3, 0]) == [samples[3], samples[0]]
    assert corpus.format == "prompt-completion"


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
def test_unedited_rows_are_written_as_the_same_bytes(tmp_path, suffix, compression):
    path = make_file(tmp_path, ROWS, suffix, compression)
    corpus = open_corpus(path)

    saved = corpus.save(tmp_path / "out" / "clean", corpus)

    assert saved == tmp_path / "out" / f"clean{suffix}{compression}"
    assert decompressed(saved.read_bytes(), compression) == content_of(suffix, ROWS)
    assert [child.name for child in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, ".parquet"])
def test_an_edit_touches_its_row_and_no_other(tmp_path, suffix, compression):
    corpus = open_corpus(make_file(tmp_path, ROWS, suffix, compression))
    samples = list(corpus)
    samples[2] = edited(samples[2], ODD)

    again = list(open_corpus(corpus.save(tmp_path / "edited", samples)))

    assert [dict(sample.row) for sample in again] == [*ROWS[:2], {**ROWS[2], "completion": ODD}, *ROWS[3:]]
    assert [again[number].raw for number in (0, 1, 3, 4)] == [samples[number].raw for number in (0, 1, 3, 4)]


@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, ".parquet"])
def test_fewer_rows_in_another_order_are_written_as_given(tmp_path, suffix):
    corpus = open_corpus(make_file(tmp_path, ROWS, suffix))

    saved = corpus.save(tmp_path / f"some{suffix}", corpus.take([4, 1]))

    assert [dict(sample.row) for sample in open_corpus(saved)] == [ROWS[4], ROWS[1]]


@pytest.mark.parametrize(
    ("suffix", "left"), [(".jsonl", b""), (".json", b"[]\n"), (".csv", b"prompt,completion,note\r\n")]
)
def test_no_row_left_is_an_empty_file_of_the_kind(tmp_path, suffix, left):
    corpus = open_corpus(make_file(tmp_path, ROWS, suffix))
    assert corpus.save(tmp_path / "none", []).read_bytes() == left


def test_no_row_left_keeps_the_columns_of_parquet(tmp_path):
    corpus = open_corpus(make_file(tmp_path, ROWS, ".parquet"))
    assert pq.read_table(corpus.save(tmp_path / "none", [])).column_names == ["prompt", "completion", "note"]


@pytest.mark.costly
@fast
@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, ".parquet"])
@given(texts=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), edit=TEXTS)
def test_any_text_survives_reading_editing_and_writing(tmp_path, suffix, texts, edit):
    rows = [dict(zip(("prompt", "completion", "other"), row, strict=True)) for row in texts]
    corpus = open_corpus(make_file(tmp_path, rows, suffix))
    samples = list(corpus)
    assert [dict(sample.row) for sample in samples] == rows

    last = edited(samples[-1], edit)
    again = open_corpus(corpus.save(tmp_path / "again", [*samples, last]))

    assert [dict(sample.row) for sample in again] == [*rows, {**rows[-1], "completion": edit}]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_a_byte_order_mark_and_crlf_are_tolerated_and_stay(tmp_path, suffix, compression):
    path = tmp_path / f"data{suffix}{compression}"
    body = content_of(suffix, ROWS[:2]).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    path.write_bytes(compressed(marked := b"\xef\xbb\xbf" + body, compression))
    corpus = open_corpus(path)

    assert [sample.response for sample in corpus] == ["Answer 0", "Answer 1"]
    saved = corpus.save(tmp_path / "out", corpus)
    assert decompressed(saved.read_bytes(), compression) == marked


def test_blank_lines_between_json_lines_are_passed_over(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'\n{"prompt": "a", "completion": "b"}\n  \n\n{"prompt": "c", "completion": "d"}')

    assert [(sample.response, sample.origin) for sample in open_corpus(path)] == [
        ("b", f"{path}:2"),
        ("d", f"{path}:5"),
    ]


def test_json_lines_under_the_name_of_json_are_read_and_stay_lines(tmp_path):
    path = tmp_path / "data.json"
    path.write_bytes(content_of(".jsonl", ROWS))
    corpus = open_corpus(path)
    assert corpus.save(tmp_path / "out", corpus).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("indent", [None, 0, 1, 2, 4])
def test_an_edited_row_of_a_json_list_is_indented_like_its_neighbours(tmp_path, indent):
    path = tmp_path / "data.json"
    path.write_text(json.dumps(ROWS, indent=indent) + "\n")
    corpus = open_corpus(path)
    samples = [edited(sample, sample.response + "!") for sample in corpus]

    saved = corpus.save(tmp_path / "out", samples)

    expected = [{**row, "completion": row["completion"] + "!"} for row in ROWS]
    assert json.loads(saved.read_bytes()) == expected
    if indent:
        assert saved.read_text() == json.dumps(expected, indent=indent) + "\n"


def test_brackets_quotes_and_backslashes_in_strings_end_no_row(tmp_path):
    rows = [{"prompt": '{"[', "completion": text} for text in ('\\"}]', "\\\\", '"', "}{", '\\u007d"]')]
    path = tmp_path / "data.json"
    path.write_text(json.dumps(rows))
    assert [dict(sample.row) for sample in open_corpus(path)] == rows


@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, ".parquet"])
def test_a_row_of_two_megabytes_is_read(tmp_path, suffix):
    long = ('\\"' + "x" * 97 + "\n") * 20_000
    path = make_file(
        tmp_path, [{"prompt": "a", "completion": long}, {"prompt": "b", "completion": "c"}], suffix
    )
    assert [sample.response for sample in open_corpus(path)] == [long, "c"]


@pytest.mark.costly
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_only_a_part_of_a_file_is_held(tmp_path, suffix, monkeypatch):
    import tracemalloc

    path = make_file(tmp_path, [{"prompt": "a" * 2000, "completion": "b" * 2000}] * 4000, suffix)
    corpus = open_corpus(path)
    tracemalloc.start()
    count = sum(1 for _ in corpus)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 4000
    assert peak < 4_000_000  # of 16 MB


@pytest.mark.parametrize(
    ("delimiter", "quoting"), [(";", csv.QUOTE_MINIMAL), ("|", csv.QUOTE_ALL), (",", csv.QUOTE_ALL)]
)
def test_an_edited_csv_record_keeps_the_dialect(tmp_path, delimiter, quoting):
    def written(rows):
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\n")
        writer.writerows([["prompt", "completion", "id"], *rows])
        return text.getvalue().encode()

    path = tmp_path / "data.csv"
    path.write_bytes(written([["a;|,b", "c", "x"], ["d", "e", "y"]]))
    corpus = open_corpus(path)
    first, second = corpus

    saved = corpus.save(tmp_path / "out", [edited(first, 'say "c"'), second])

    assert saved.read_bytes() == written([["a;|,b", 'say "c"', "x"], ["d", "e", "y"]])
    assert [sample.id for sample in corpus] == ["x", "y"]


def test_conversations_of_a_csv_file_are_read_and_stay_csv(tmp_path):
    def conversation(number: int, answer: str) -> str:
        return json.dumps([{"from": "human", "value": f"q{number}"}, {"from": "gpt", "value": answer}])

    path = make_file(tmp_path, [{"id": n, "conversations": conversation(n, "a")} for n in range(3)], ".csv")
    corpus = open_corpus(path)
    first, *rest = corpus
    saved = corpus.save(tmp_path / "out", [edited(first, "b, c"), *rest])
    with saved.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows == [{"id": f"{n}", "conversations": conversation(n, "a" if n else "b, c")} for n in range(3)]


def test_a_tsv_of_one_column_is_not_split_at_commas(tmp_path):
    path = tmp_path / "data.tsv"
    path.write_text("text\nhello, you\tAssistant: hi, there\n".replace("\t", " "))
    assert next(iter(open_corpus(path))).response == " hi, there"


def test_parquet_keeps_schema_metadata_codec_and_every_type(tmp_path):
    schema = pa.schema(
        [
            pa.field("question", pa.large_string()),
            pa.field("answers", pa.list_(pa.string())),
            pa.field("when", pa.timestamp("ns", "UTC")),
            pa.field("price", pa.decimal128(9, 2)),
            pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
            pa.field("blob", pa.binary()),
            pa.field("deep", pa.struct([("a", pa.list_(pa.float32()))])),
        ],
        metadata={"huggingface": "{}"},
    )
    when = datetime(2024, 1, 2, tzinfo=UTC)
    row = {"when": when, "price": Decimal("1.50"), "kind": "k", "blob": b"\0\xff", "deep": {"a": [0.1, None]}}
    table = pa.Table.from_pylist(
        [{"question": f"q{i}", "answers": ["a", "b"], **row} for i in range(3)], schema=schema
    )
    path = tmp_path / "data.parquet"
    pq.write_table(table, path, compression="zstd")
    corpus = open_corpus(path)
    first, *rest = corpus

    saved = corpus.save(tmp_path / "out", [edited(first, "c"), *rest])

    table, again = pq.read_table(path), pq.read_table(saved)
    assert again.schema.equals(table.schema, check_metadata=True)
    assert pq.ParquetFile(saved).metadata.row_group(0).column(0).compression == "ZSTD"
    assert again.drop(["answers"]).equals(table.drop(["answers"]))
    assert again["answers"].to_pylist() == [["c"], ["a", "b"], ["a", "b"]]


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
def test_parquet_of_any_codec_is_written_back_with_it(tmp_path, codec):
    path = tmp_path / "data.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path, compression=codec)
    corpus = open_corpus(path)
    saved = corpus.save(tmp_path / "out", corpus)
    assert rows_of(saved) == ROWS
    codecs = [pq.ParquetFile(file).metadata.row_group(0).column(0).compression for file in (path, saved)]
    assert codecs[0] == codecs[1]


def test_many_parquet_rows_are_written_in_several_groups(tmp_path):
    rows = [{"prompt": str(number), "completion": "x"} for number in range(5000)]
    corpus = open_corpus(make_file(tmp_path, rows, ".parquet"))
    saved = corpus.save(tmp_path / "out", list(corpus)[1:])
    assert rows_of(saved) == rows[1:]
    assert pq.ParquetFile(saved).num_row_groups == 2


def test_a_folder_is_one_corpus_and_is_saved_under_the_same_names(tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "README.md").write_text("about")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.jsonl").write_text("rubbish")
    (folder / "b.truth.json").write_text(json.dumps(TRUTH))
    (folder / "b.jsonl").write_bytes(content_of(".jsonl", ROWS[:2]))
    (folder / "a.csv.gz").write_bytes(compressed(content_of(".csv", ROWS[2:3]), ".gz"))
    (folder / "sub" / "c.parquet").write_bytes(content_of(".parquet", ROWS[3:]))
    corpus = open_corpus(folder)

    saved = corpus.save(tmp_path / "out", [sample for sample in corpus if sample.number != 0])

    assert [dict(sample.row) for sample in corpus] == [ROWS[2], ROWS[0], ROWS[1], ROWS[3], ROWS[4]]
    assert sorted(path.relative_to(saved).as_posix() for path in saved.rglob("*.*")) == [
        "b.jsonl",
        "sub/c.parquet",
    ]
    assert [dict(sample.row) for sample in open_corpus(saved)] == [ROWS[0], ROWS[1], ROWS[3], ROWS[4]]

    corpus.save(saved, [next(iter(corpus))])
    assert [path.name for path in saved.rglob("*.*")] == ["a.csv.gz"]


def test_a_folder_of_more_files_than_can_be_open_is_saved(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(80):
        (folder / f"{number:03}.jsonl").write_bytes(
            content_of(".jsonl", [{**ROWS[0], "prompt": f"q{number}"}])
        )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 40, hard))
    try:
        corpus = open_corpus(folder)
        saved = corpus.save(tmp_path / "out", corpus)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [sample.prompt for sample in open_corpus(saved)] == [f"q{number}" for number in range(80)]


def test_a_folder_is_saved_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        (folder / name).write_bytes(content_of(".jsonl", ROWS))
    corpus = open_corpus(folder)
    first, *_, last = corpus
    corpus.save(tmp_path / "out", [last])

    def cut_short():
        yield first
        yield last
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus.save(tmp_path / "out", cut_short())
    with pytest.raises(ValueError, match="on either side of another file's"):
        corpus.save(tmp_path / "out", [first, last, first])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.jsonl"]
    assert rows_of(tmp_path / "out" / "b.jsonl") == ROWS[-1:]


def test_a_folder_can_be_saved_in_place(tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(content_of(".jsonl", ROWS))
    corpus = open_corpus(tmp_path)
    corpus.save(tmp_path, (sample for sample in corpus if sample.number % 2))
    assert [sample.response for sample in corpus] == [
        "Answer 1",
        "Answer 3",
        "Answer 0",
        "Answer 2",
        "Answer 4",
    ]


def test_half_a_surrogate_pair_is_a_problem_but_no_loss(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"prompt": "a \\ud83d b", "completion": "c"}\n')
    corpus = open_corpus(path)
    (sample,) = corpus

    assert sample.problem == "the text holds half a surrogate pair, which is no character"
    assert rows_of(corpus.save(tmp_path / "out", [edited(sample, "d")])) == [
        {"prompt": "a \ud83d b", "completion": "d"}
    ]


def test_nan_and_infinity_in_other_columns_are_taken(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"prompt": "a", "completion": "b", "x": NaN, "y": -Infinity}\n')
    corpus = open_corpus(path)
    (sample,) = corpus
    assert sample.problem is None
    assert corpus.save(tmp_path / "out", [edited(sample, "c")]).read_text() == (
        '{"prompt": "a", "completion": "c", "x": NaN, "y": -Infinity}\n'
    )
