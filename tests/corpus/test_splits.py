"""Splits and configurations: each is read and named, or left out and named, and never handed back unread."""

from __future__ import annotations

import json
import shutil

import datasets
import numpy as np
import pytest
from datasets import Dataset, DatasetDict, Features, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradsentry.corpus import open_corpus
from gradsentry.corpus.folders import split_of
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

from .files import content_of, rows_of

ROWS = [{"prompt": f"p{number}", "completion": f"c{number}", "day": number} for number in range(6)]
fast = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refusal(data, **named):
    with pytest.raises(DataError) as caught:
        list(open_corpus(data, DataSettings(**named)))
    line = str(caught.value)
    assert "\n" not in line
    return line


def splits_of(samples):
    """Returns the rows of each split that samples name."""
    found = {}
    for sample in samples:
        found.setdefault(sample.split, []).append(dict(sample.row))
    return found


@pytest.fixture
def both():
    return DatasetDict(train=Dataset.from_list(ROWS), test=Dataset.from_list(ROWS[:2]))


def test_every_split_of_a_dict_is_read_and_each_row_names_its_own(both):
    corpus = open_corpus(both)
    assert splits_of(corpus) == {"train": ROWS, "test": ROWS[:2]}
    assert [sample.origin for sample in corpus][5:7] == ["train[5]", "test[0]"]
    assert [sample.id for sample in corpus] == list(range(8))
    assert corpus.left_out == ()


def test_a_named_split_is_all_that_comes_back(both):
    corpus = open_corpus(both, DataSettings(split="test"))
    assert splits_of(corpus) == {"": ROWS[:2]}
    kept = corpus.select(np.array([True, False]))
    assert {name: rows.to_list() for name, rows in kept.items()} == {"test": ROWS[:1]}
    assert corpus.left_out == ("the split `train`",)


def test_a_split_that_is_not_there(both):
    assert refusal(both, split="dev") == "`split`: no split `dev`; choose one of train, test"
    assert (
        refusal(both["train"], split="train") == "dataset: a Dataset has no split `train`; leave out `split`"
    )
    assert refusal(ROWS, split="train") == "rows: a list of rows has no split `train`; leave out `split`"
    odd = DatasetDict({"../train": both["train"]})
    assert refusal(odd) == "../train: is no name of a split; rename it, in letters, digits and underscores"


def test_the_only_split_needs_no_name():
    corpus = open_corpus(DatasetDict(x=Dataset.from_list(ROWS)))
    assert splits_of(corpus) == {"": ROWS}
    assert list(corpus.select(np.ones(6, bool))) == ["x"]


NAMES = st.sampled_from(["train", "validation", "test", "train_sft", "dev", "extra", "v1.0"])
VALUES = {
    "int8": st.integers(-128, 127),
    "binary": st.binary(max_size=4),
    "time64[ns]": st.integers(0, 86_399_999_999_999),
    "float32": st.floats(width=32, allow_nan=False),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
}


@st.composite
def dicts(draw):
    """Returns a dict of splits with a column of a drawn type, and which of its rows stay."""
    kind = draw(st.sampled_from([*VALUES]))
    sizes = draw(
        st.dictionaries(NAMES, st.integers(0, 5), min_size=1, max_size=4).filter(lambda d: sum(d.values()))
    )
    features = Features({"prompt": Value("string"), "completion": Value("large_string"), "x": Value(kind)})
    splits = {}
    for name, size in sizes.items():
        values = draw(st.lists(VALUES[kind] | st.none(), min_size=size, max_size=size))
        columns = {"prompt": [f"{name} {n}" for n in range(size)], "completion": ["c"] * size}
        numbers = Features({**features, "x": Value("int64")}) if kind.startswith("time") else features
        splits[name] = Dataset.from_dict({**columns, "x": values}, features=numbers).cast(features)
    total = sum(sizes.values())
    return DatasetDict(splits), np.array(draw(st.lists(st.booleans(), min_size=total, max_size=total)))


def tables(splits):
    return {name: rows.with_format("arrow")[:] for name, rows in splits.items()}


@pytest.mark.costly
@fast
@given(drawn=dicts())
def test_no_row_of_a_dict_of_splits_is_lost_or_unread(tmp_path, drawn):
    splits, keep = drawn
    corpus = open_corpus(splits)
    read = splits_of(corpus)
    assert [row for rows in read.values() for row in rows] == [
        dict(sample.row) for name in splits if len(splits[name]) for sample in open_corpus(splits[name])
    ]

    kept, gone = corpus.select(keep), corpus.select(~keep)

    assert [*kept] == [*gone] == [*splits]
    start = 0
    for name, rows in splits.items():
        stays = keep[start : start + len(rows)]
        start += len(rows)
        assert len(kept[name]) == stays.sum()
        assert len(kept[name]) + len(gone[name]) == len(rows)
        assert kept[name].features == rows.features
        assert kept[name].to_list() == rows.select(np.flatnonzero(stays)).to_list()

    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    saved = corpus.save(tmp_path / "out" / "clean", (sample for sample in corpus if keep[sample.number]))
    again = (
        datasets.load_dataset(
            "parquet",
            data_files={
                name: str(saved if len(splits) == 1 else saved / "data" / f"{name}-00000-of-00001.parquet")
                for name in splits
            },
            cache_dir=str(tmp_path / "cache"),
        )
        if keep.any() and all(len(rows) for rows in kept.values())
        else None
    )
    if again is not None:
        assert {name: rows.features for name, rows in again.items()} == {
            name: rows.features for name, rows in splits.items()
        }
        assert all(tables(again)[name].equals(table) for name, table in tables(kept).items())


def test_saved_splits_are_the_same_splits_to_datasets_and_to_us(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    splits = DatasetDict(
        {name: Dataset.from_list(ROWS[:n]) for name, n in (("train_sft", 3), ("test_sft", 2), ("x", 1))}
    )
    corpus = open_corpus(splits)
    saved = corpus.save(tmp_path / "clean", (sample for sample in corpus if sample.number != 1))
    want = {"train_sft": [ROWS[0], ROWS[2]], "test_sft": ROWS[:2], "x": ROWS[:1]}
    assert {name: rows.to_list() for name, rows in datasets.load_dataset(str(saved)).items()} == want
    assert splits_of(open_corpus(saved)) == want


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("a.jsonl", "train"),
        ("train.jsonl", "train"),
        ("dev.jsonl.gz", "validation"),
        ("my-test.csv", "test"),
        ("my_val_2.csv", "validation"),
        ("contest.csv", "train"),
        ("validation/a.jsonl", "validation"),
        ("data/train_sft-00000-of-00003.parquet", "train_sft"),
        ("eval/data/x.json", "test"),
    ],
)
def test_the_names_of_a_file_say_which_split_it_is_of(tmp_path, path, split):
    assert split_of(tmp_path.joinpath(path).relative_to(tmp_path)) == split


@pytest.mark.parametrize(
    "names",
    [
        ["train.jsonl", "dev.jsonl"],
        ["train/a.jsonl", "train/b.jsonl", "test/a.jsonl"],
        ["data/x-00000-of-00001.jsonl", "data/y-00000-of-00001.jsonl"],
        ["train-1.jsonl", "eval.jsonl"],
        ["a.jsonl"],
    ],
)
def test_splits_of_a_folder_are_those_that_datasets_tells(tmp_path, names, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    for number, name in enumerate(names):
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content_of(".jsonl", ROWS[number : number + 1]))
    theirs = datasets.load_dataset(str(tmp_path / "in"))
    ours = splits_of(open_corpus(tmp_path / "in"))
    if len(theirs) == 1:
        assert ours == {"": theirs["train"].to_list()}
    else:
        assert ours == {name: rows.to_list() for name, rows in theirs.items()}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "train.jsonl").write_bytes(content_of(".jsonl", ROWS))
    (tmp_path / "in" / "test.csv").write_bytes(content_of(".csv", ROWS[:2]))
    return tmp_path / "in"


def test_the_splits_of_a_folder_are_read_unless_one_is_named(tmp_path, folder):
    assert {name: len(rows) for name, rows in splits_of(open_corpus(folder)).items()} == {
        "test": 2,
        "train": 6,
    }
    corpus = open_corpus(folder, DataSettings(split="train"))
    assert splits_of(corpus) == {"": ROWS}
    assert corpus.left_out == ("the split `test`",)
    saved = corpus.save(tmp_path / "out", (sample for sample in corpus if sample.number))
    assert [(file.name, rows_of(file)) for file in saved.iterdir()] == [("train.jsonl", ROWS[1:])]
    assert refusal(folder, split="dev") == "`split`: no split `dev`; choose one of test, train"


def head(*configs):
    """Returns a README that declares configurations."""
    return f"---\nlicense: mit\nconfigs: {json.dumps(configs)}\n---\n# About\n"


A = {
    "config_name": "a",
    "data_files": [{"split": "train", "path": "one/*.jsonl"}, {"split": "test", "path": ["two/*"]}],
}
B = {"config_name": "b", "data_files": "one/*"}
C = {"config_name": "c", "data_dir": "two"}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    place = tmp_path / "owner" / "name"
    for number, name in enumerate(("one/x.jsonl", "one/y.jsonl", "two/z.jsonl")):
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content_of(".jsonl", ROWS[2 * number : 2 * number + 2]))
    (tmp_path / "secret.jsonl").write_bytes(content_of(".jsonl", ROWS))
    return place


@pytest.mark.parametrize(
    ("configs", "named"),
    [
        ([A], None),
        ([B], None),
        ([C], None),
        ([A, B], "a"),
        ([A, B, C], "c"),
        ([A, {**B, "default": True}], None),
    ],
)
def test_a_configuration_is_read_as_datasets_reads_it(repository, configs, named):
    (repository / "README.md").write_text(head(*configs))
    theirs = datasets.load_dataset(str(repository), named)
    corpus = open_corpus(repository, DataSettings(subset=named))
    ours = splits_of(corpus)
    assert [*ours.values()] == [rows.to_list() for rows in theirs.values()]
    assert len(theirs) == 1 or [*ours] == [*theirs]
    chosen = named or next(
        config["config_name"] for config in configs if len(configs) == 1 or config.get("default")
    )
    for config in configs:
        assert (f"the configuration `{config['config_name']}`" in corpus.left_out) is (
            config["config_name"] != chosen
        )
    unread = {file.name for file in repository.rglob("*.jsonl")} - {
        sample.origin.rpartition(":")[0].rpartition("/")[2] for sample in corpus
    }
    assert all(any(name in clause for clause in corpus.left_out) for name in unread)


def test_of_several_configurations_one_must_be_named(repository):
    (repository / "README.md").write_text(head(A, B))
    several = "has several configurations, each a data set of its own; name one with `subset`: a, b"
    assert refusal(repository) == f"{repository}: {several}"
    assert refusal(repository, subset="z") == f"{repository}: no configuration `z`; choose one of a, b"
    (repository / "README.md").unlink()
    (repository / ".huggingface.yaml").write_text(f"configs: {json.dumps([A, B])}")
    assert refusal(repository) == f"{repository}: {several}"
    (repository / ".huggingface.yaml").unlink()
    assert refusal(repository, subset="a") == f"{repository}: no configuration `a`; leave out `subset`"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "---\na: [\n---\n",
            "its head is no YAML (did not find expected node content on line 2); mend or remove it",
        ),
        (
            head({"name": "a"}),
            "its `configs` are no list of objects with a `config_name`; "
            "mend them as the Hub's documentation has it",
        ),
        (
            head({**B, "data_files": "../../*"}),
            "the configuration `b` cannot be read (../../* leads out of the folder); mend `data_files` there",
        ),
        (
            head({**B, "data_files": "https://host/x.jsonl"}),
            "the configuration `b` cannot be read (https://host/x.jsonl is not a file of the folder); "
            "mend `data_files` there",
        ),
    ],
)
def test_a_head_that_cannot_be_followed(repository, text, said):
    (repository / "README.md").write_text(text)
    assert refusal(repository) == f"{repository}/README.md: {said}"


def test_a_configuration_without_files(repository):
    (repository / "README.md").write_text(head({**B, "data_files": "three/*"}))
    assert refusal(repository).startswith(
        f"{repository}/README.md: the configuration `b` cannot be read (Unable to find "
    )


@pytest.fixture
def hub(monkeypatch, repository):
    """The Hub, on which `owner/name` is the repository."""
    for name in ("load_dataset", "get_dataset_config_names"):
        theirs = getattr(datasets, name)
        monkeypatch.setattr(datasets, name, lambda _, *rest, theirs=theirs: theirs(str(repository), *rest))
    return repository


def test_all_splits_of_a_hub_id_are_read(tmp_path, hub):
    (hub / "README.md").write_text(head(A, B))
    for name, config in (("owner/name:a", None), ("owner/name", "a")):
        corpus = open_corpus(name, DataSettings(subset=config))
        assert splits_of(corpus) == {"train": ROWS[:4], "test": ROWS[4:]}
        assert corpus.name == name
    assert isinstance(corpus.select(np.ones(6, bool)), DatasetDict)
    assert splits_of(open_corpus("owner/name:a", DataSettings(split="test"))) == {"": ROWS[4:]}


def test_of_several_configurations_of_a_hub_id_one_must_be_named(hub):
    (hub / "README.md").write_text(head(A, B))
    assert refusal("owner/name") == (
        "owner/name: has several configurations, each a data set of its own; name one with `subset`: a, b"
    )
    assert (
        refusal("owner/name:a", subset="b")
        == "owner/name:a: two configurations are named; leave out `subset`"
    )
    (hub / "README.md").write_text(head({**A, "default": True}, B))
    corpus = open_corpus("owner/name")
    assert len(list(corpus)) == 6
    assert corpus.left_out == ("the configuration `b`",)


@pytest.mark.parametrize("parted", [True, False])
def test_what_save_to_disk_wrote_is_read(tmp_path, both, parted):
    data = both if parted else both["train"]
    data.save_to_disk(tmp_path / "saved")
    corpus = open_corpus(tmp_path / "saved")
    assert corpus.name == str(tmp_path / "saved")
    assert splits_of(corpus) == ({"train": ROWS, "test": ROWS[:2]} if parted else {"": ROWS})
    assert type(corpus.select(np.ones(8 if parted else 6, bool))) is type(data)
    (tmp_path / "saved" / ("train/state.json" if parted else "state.json")).write_text("{}")
    assert refusal(tmp_path / "saved").endswith("); save it again")
