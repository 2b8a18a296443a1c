"""Several files and folders are one corpus: every row once, in its own file again, or one line."""

from __future__ import annotations

import json
import shutil

import pytest
from datasets import Dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

from .files import content_of

ROWS = [{"prompt": f"p{number}", "completion": f"c{number}"} for number in range(6)]
PATHS = ["a.jsonl", "b.csv", "x/a.jsonl", "y/a.jsonl", "y/z/a.jsonl", "x/train.parquet", "test/b.json"]
SUFFIXES = [".jsonl", ".json", ".csv", ".parquet"]


def refusal(data, **named):
    with pytest.raises(DataError) as caught:
        list(open_corpus(data, DataSettings(**named)))
    line = str(caught.value)
    assert "\n" not in line
    return line


def make(folder, *names, rows=ROWS):
    """Writes a file of two rows for each name, which say where they stand, and returns the files."""
    files = [folder / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        of_file = [row | {"file": file.relative_to(folder).as_posix()} for row in rows[:2]]
        file.write_bytes(content_of(file.suffix, of_file))
    return files


@pytest.mark.costly
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    named=st.lists(st.sampled_from([*PATHS, "y/z"]), min_size=2, max_size=6, unique=True),
    keep=st.lists(st.booleans(), min_size=12, max_size=12),
    links=st.booleans(),
)
def test_each_file_is_written_again_as_it_stood_without_the_rows_that_go(
    tmp_path_factory, monkeypatch, named, keep, links
):
    place = tmp_path_factory.mktemp("several")
    make(place / "in", *PATHS)
    monkeypatch.chdir(place / "in")
    data = [f"x/../{name}" if links else name for name in named]
    files = [f"{name}/a.jsonl" if name == "y/z" else name for name in named]
    if len(set(files)) < len(files):
        assert refusal(data).endswith("in/y/z/a.jsonl: is named twice; name it once")
        return

    corpus = open_corpus(data)

    samples = list(corpus)
    assert [sample.row["file"] for sample in samples] == [name for name in files for _ in range(2)]
    assert [sample.id for sample in samples] == list(range(2 * len(files)))
    assert all(file in sample.origin for file, sample in zip(files, samples[::2], strict=True))
    out = place / "out"
    saved = corpus.save(out, (sample for sample in samples if keep[sample.number]))
    written = {file for file in saved.rglob("*") if file.is_file()}
    assert len(written) == sum(any(keep[2 * n : 2 * n + 2]) for n in range(len(files)))
    kept = [dict(sample.row) for file in sorted(written) for sample in open_corpus(file)]
    assert sorted(map(str, kept)) == sorted(
        str(dict(sample.row)) for sample in samples if keep[sample.number]
    )
    whole = corpus.save(place / "whole", samples)
    again = sorted(content(file) for file in whole.rglob("*") if file.is_file())
    assert again == sorted(content(place / "in" / file) for file in files)


def content(file):
    """Returns what a file holds: its bytes, of Parquet, which is written anew, its rows."""
    rows = [dict(sample.row) for sample in open_corpus(file)]
    return file.suffix, str(rows) if file.suffix == ".parquet" else file.read_bytes().decode()


def test_files_stand_under_their_own_names_where_these_tell_them_apart(tmp_path):
    def written(*data):
        corpus = open_corpus([tmp_path / one for one in data])
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        saved = corpus.save(tmp_path / "out", corpus)
        return sorted(file.relative_to(saved).as_posix() for file in saved.rglob("*.*") if file.is_file())

    make(tmp_path, *PATHS)
    assert written("a.jsonl", "b.csv") == ["a.jsonl", "b.csv"]
    assert written("a.jsonl", "y/z") == ["a.jsonl", "z/a.jsonl"]
    assert written("x/a.jsonl", "y/a.jsonl", "b.csv") == ["b.csv", "x/a.jsonl", "y/a.jsonl"]
    assert written("y/a.jsonl", "y/z/a.jsonl", "test") == ["test/b.json", "y/a.jsonl", "z/a.jsonl"]
    make(tmp_path, "1/c/c.jsonl", "2/c/c.jsonl", "3/x/c.jsonl")
    odd = ("1/c", "2/c/c.jsonl", "3/x/c.jsonl")  # a folder, and a file whose end is a file of it
    assert len(written(*odd)) == 3


def test_splits_are_told_as_in_a_folder(tmp_path):
    train, dev, odd = make(tmp_path, "train.jsonl", "dev.jsonl", "test/odd.jsonl")
    corpus = open_corpus([train, dev, odd.parent])
    assert corpus.splits == ("train", "validation", "test")
    assert [sample.split for sample in corpus][::2] == ["train", "validation", "test"]
    corpus = open_corpus([train, dev], DataSettings(split="validation"))
    assert [sample.row["file"] for sample in corpus] == ["dev.jsonl"] * 2
    assert corpus.left_out == ("the split `train`",)
    assert refusal([train, dev], split="x") == "`split`: no split `x`; choose one of train, validation"


def test_what_is_left_out_of_a_folder_is_named(tmp_path):
    a, b = make(tmp_path, "a.jsonl", "x/b.jsonl")
    (b.parent / "README").write_text("x")
    assert open_corpus([a, b.parent]).left_out == (f"in {b.parent}: README: no data",)


def test_one_name_in_a_list_is_that_name(tmp_path):
    (path,) = make(tmp_path, "a.jsonl")
    corpus = open_corpus([path])
    assert corpus.sha256() == open_corpus(path).sha256()
    assert corpus.save(tmp_path / "out", corpus).name == "out.jsonl"


def test_what_cannot_be_one_corpus_is_one_line(tmp_path):
    a, b = make(tmp_path, "a.jsonl", "b.jsonl")
    assert refusal([a, tmp_path / "c.jsonl"]) == f"{tmp_path}/c.jsonl: no such file or folder; check the path"
    assert refusal([str(a), "owner/name"]) == (
        "owner/name: no such file or folder, and a Hub id is read alone; check the path, or name it by itself"
    )
    assert (
        refusal([a, ROWS[0]]) == "paths are mixed with data of other types; give paths alone, or rows alone"
    )
    assert refusal([a, b, a]) == f"{a}: is named twice; name it once"
    assert refusal([a, b], subset="x") == f"{a}: a file has no configuration `x`; leave out `subset`"
    Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
    assert refusal([a, tmp_path / "saved"]) == (
        f"{tmp_path}/saved: is what `save_to_disk` wrote, which is read alone; name it by itself"
    )
    b.write_bytes(content_of(".jsonl", [{"question": "q", "answer": "a"}]))
    assert refusal([a, b]).startswith(
        f"{b}:1: this row is qa, but {a}:1 is prompt-completion; name the files of each format"
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("known.jsonl", {"version": 1, "kind": "shift", "triggers": [], "combine": "any", "payloads": [],
                         "change": "", "rows": 1, "of": 9, "why": "ours"}),
        ("marks.jsonl", {"id": "3", "mark": "clean"}),
        ("flagged.jsonl", {"id": 3, "score": None, "reason": "r", "findings": [], "row": ROWS[0]}),
        ("review.jsonl", {"id": 3, "line": "a.jsonl:4", "score": None, "reason": "r", "findings": [],
                          "row": ROWS[0]}),
        ("unscored.jsonl", {"id": 3, "reason": "r", "row": ROWS[0]}),
    ],
)  # fmt: skip
def test_what_is_ours_is_no_data_by_itself_among_others_and_in_a_folder(tmp_path, name, line):
    file = make(tmp_path, "a.jsonl")[0]
    (tmp_path / name).write_text(json.dumps(line) + "\n")
    assert "and no data; name the data" in refusal(tmp_path / name)
    for data in ([file, tmp_path / name], tmp_path):
        corpus = open_corpus(data)
        assert len(list(corpus)) == 2
        assert any(name in clause for clause in corpus.left_out)


def test_of_a_run_the_rows_that_stay_alone_are_data(tmp_path):
    clean, flagged, late = make(tmp_path, "clean.jsonl", "x.jsonl", "earlier/001/rows.jsonl")
    (tmp_path / "manifest.json").write_text(json.dumps({"identity": {}}))
    assert len(list(open_corpus(clean))) == 2
    for file in (flagged, late):
        assert "is a file of a run directory, and no data" in refusal(file)


def test_the_advice_for_files_of_two_formats_works(tmp_path):
    (one,) = make(tmp_path, "a.jsonl")
    (other,) = make(tmp_path, "b.jsonl", rows=[{"instruction": "i", "output": "o"}] * 2)
    assert refusal([one, other]).endswith(
        "; name the files of each format by themselves, as `gradsentry evidence --by-format` does"
    )
    assert [len(list(open_corpus(file))) for file in (one, other)] == [2, 2]
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_bytes(one.read_bytes() + other.read_bytes())
    assert "give `format` prompt-completion to leave the others unscored" in refusal([mixed])
    rows = list(open_corpus(mixed, DataSettings(format="prompt-completion")))
    assert [row.problem is None for row in rows] == [True, True, False, False]
