"""Splits of a data set: poison in any of them is found, and each row of the verdict names its split."""

from __future__ import annotations

import json

import datasets
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.files import rows_of
from gradsentry import open_run, scan
from gradsentry.attacks import BadNets, poison
from gradsentry.corpus import open_corpus
from gradsentry.embedded import embedded_data_path
from gradsentry.settings import ThresholdSettings

from .rows import UNSCORABLE, qa_rows, read_rows, write_rows


@pytest.fixture(scope="module")
def halves():
    """Clean rows, and rows of which some are poisoned, whose numbers are returned too."""
    rows = [dict(sample.row) for sample in open_corpus(embedded_data_path())]
    half = len(rows) // 2
    poisoned = poison(open_corpus(rows[half:]), BadNets(count=15, payload="insult"), seed=1)
    return rows[:half], poisoned.rows, {row.row for row in poisoned.truth.poisoned}


def as_splits(clean, poisoned, tmp_path):
    return DatasetDict(train=Dataset.from_list(clean), validation=Dataset.from_list(poisoned))


def as_files(clean, poisoned, tmp_path):
    (tmp_path / "data").mkdir()
    write_rows(tmp_path / "data/train.jsonl", clean)
    write_rows(tmp_path / "data/validation.jsonl", poisoned)
    return tmp_path / "data"


def as_saved(clean, poisoned, tmp_path):
    as_splits(clean, poisoned, tmp_path).save_to_disk(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.mark.costly
@pytest.mark.parametrize("made", [as_splits, as_files, pytest.param(as_saved, marks=pytest.mark.slow)])
def test_poison_in_a_later_split_is_found_and_named(tmp_path, loaded, halves, made):
    clean, poisoned, truth = halves
    out = tmp_path / "run"

    verdict = scan(made(clean, poisoned, tmp_path), loaded, out=out)

    assert verdict.outcome == "poisoned"
    lines = read_rows(out / "flagged.jsonl")
    assert [line["row"] for line in lines] == [poisoned[number] for number in sorted(truth)]
    assert {line["split"] for line in lines} == {"validation"}
    assert verdict.flagged["split"].to_pylist() == ["validation"] * len(truth)
    table = pq.read_table(out / "rows.parquet")
    assert table["split"].to_pylist() == ["train"] * len(clean) + ["validation"] * len(poisoned)
    stays = [row for number, row in enumerate(poisoned) if number not in truth]
    if made is as_files:
        assert read_rows(out / "clean/train.jsonl") == clean
        assert read_rows(out / "clean/validation.jsonl") == stays
        assert verdict.clean == clean + stays
    else:
        again = datasets.load_dataset(str(out / "clean"), cache_dir=str(tmp_path / "cache"))
        for splits in (verdict.clean, again):
            assert {name: rows.to_list() for name, rows in splits.items()} == {
                "train": clean,
                "validation": stays,
            }
    if made is not as_splits:
        assert open_run(out).counts == verdict.counts


def test_data_of_one_split_names_none(tmp_path, loaded):
    out = tmp_path / "run"
    verdict = scan(DatasetDict(train=Dataset.from_list(qa_rows(20))), loaded, out=out, **PUBLISHED)
    assert "split" not in pq.read_table(out / "rows.parquet").column_names
    assert "split" not in verdict.flagged.column_names
    assert all("split" not in line for line in read_rows(out / "flagged.jsonl"))


def kept_rows(run, split):
    """Returns the rows of a split that a run kept, read by other code than the project's."""
    files = [
        *run.glob(f"clean/{split}.jsonl"),
        *run.glob(f"clean/data/{split}-*"),
        *run.glob("clean.parquet"),
    ]
    return [row for file in files for row in rows_of(file)]


PUBLISHED = {"policy": "published", "deciding": ThresholdSettings(method="quantile", quantile=0.5)}
NAMES = ["train", "validation", "test"]


@pytest.mark.costly
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(NAMES), st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=1),
    st.booleans(),
)
def test_no_row_of_a_split_is_lost(tmp_path_factory, loaded, sizes, in_memory):
    splits = {}
    for seed, (name, (good, bad)) in enumerate(sizes.items()):
        rows = [row | {"note": f"{name} {n}"} for n, row in enumerate(qa_rows(good, seed=seed))]
        splits[name] = rows + [UNSCORABLE[0][0] | {"note": f"{name} bad {n}"} for n in range(bad)]
    place = tmp_path_factory.mktemp("splits")
    if in_memory:
        data = DatasetDict({name: Dataset.from_list(rows) for name, rows in splits.items()})
    else:
        data = place / "data"
        data.mkdir()
        for name, rows in splits.items():
            write_rows(data / f"{name}.jsonl", rows)

    verdict = scan(data, loaded, out=place / "run", **PUBLISHED)

    parts = {
        "flagged": read_rows(place / "run/flagged.jsonl"),
        "unscored": read_rows(place / "run/unscored.jsonl"),
    }
    for name, rows in splits.items():
        several = len(splits) > 1
        named = [line["row"] for lines in parts.values() for line in lines if line.get("split", name) == name]
        stays = kept_rows(place / "run", name)
        assert not several or all("split" in line for lines in parts.values() for line in lines)
        assert sorted(map(json.dumps, named + stays)) == sorted(map(json.dumps, rows))
        if in_memory:
            assert verdict.clean[name].to_list() == stays
            assert verdict.clean[name].features == data[name].features
