"""Links, pipes and loops in a folder of data: nothing from outside is read, each row once, and it ends."""

from __future__ import annotations

import json
import os

import pytest

from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError

from .files import make_file, rows_of

ROWS = [{"prompt": f"p{number}", "completion": f"c{number}"} for number in range(3)]
SECRET = [{"prompt": "secret", "completion": "secret"}]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    (place / "a").mkdir(parents=True)
    make_file(place / "a", ROWS)
    return place


@pytest.fixture
def elsewhere(tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    make_file(place, SECRET)
    return place


def read(corpus):
    return [dict(sample.row) for sample in corpus]


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("target", [".", "data.jsonl"])
def test_a_link_out_of_a_folder_is_not_followed_and_is_named(folder, elsewhere, target, relative):
    place = elsewhere / target
    (folder / "a" / "x.jsonl").symlink_to(os.path.relpath(place, folder / "a") if relative else place)
    corpus = open_corpus(folder)
    assert read(corpus) == ROWS
    assert corpus.left_out == ("a/x.jsonl: links out of the folder",)


def test_a_link_out_through_another_link_is_not_followed(folder, elsewhere):
    (folder / "in").symlink_to("a")
    (folder / "a" / "out").symlink_to(elsewhere)
    (folder / "b.jsonl").symlink_to("in/out/data.jsonl")
    corpus = open_corpus(folder)
    assert read(corpus) == ROWS
    assert corpus.left_out == (
        "a/out, b.jsonl: links out of the folder",
        "in: links to what is read already",
    )


def test_a_folder_of_links_alone_says_what_to_do(tmp_path, elsewhere):
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "x.jsonl").symlink_to(elsewhere / "data.jsonl")
    with pytest.raises(DataError) as refused:
        open_corpus(folder)
    assert str(refused.value) == (
        f"{folder}: no data file in this folder; its links lead out of it and are not followed: "
        "put the files themselves there, or name them"
    )
    # What a person names is read, link or not.
    assert read(open_corpus(folder / "x.jsonl")) == SECRET
    (tmp_path / "link").symlink_to(elsewhere)
    assert read(open_corpus(tmp_path / "link")) == SECRET


def test_a_link_within_a_folder_is_followed(folder):
    (folder / ".store").mkdir()
    make_file(folder / ".store", SECRET)
    (folder / "b").symlink_to(".store")
    (folder / "c.jsonl").symlink_to("a/data.jsonl")
    corpus = open_corpus(folder)
    assert read(corpus) == ROWS + SECRET + ROWS
    saved = corpus.save(folder.parent / "out", corpus)
    assert rows_of(saved / "b/data.jsonl") == SECRET
    assert not (saved / "b").is_symlink()


def test_a_file_that_a_readme_names_is_not_read_from_elsewhere(folder, elsewhere):
    (folder / "a" / "x.jsonl").symlink_to(elsewhere / "data.jsonl")
    os.mkfifo(folder / "a" / "pipe.jsonl")
    configs = [{"config_name": "default", "data_files": "a/*.jsonl"}]
    (folder / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n")
    corpus = open_corpus(folder)
    assert read(corpus) == ROWS
    assert "a/x.jsonl: links out of the folder" in corpus.left_out
    assert "a/pipe.jsonl: no regular file" in corpus.left_out


@pytest.mark.parametrize("inner", ["", "data"])
def test_a_snapshot_of_the_hubs_cache_is_read(tmp_path, elsewhere, inner):
    repository = tmp_path / "hub" / "datasets--owner--name"
    snapshot = repository / "snapshots" / "0123abc"
    (snapshot / "data").mkdir(parents=True)
    (repository / "blobs").mkdir()
    make_file(repository / "blobs", ROWS).rename(repository / "blobs" / "f00")
    (snapshot / "data" / "train.jsonl").symlink_to("../../../blobs/f00")
    corpus = open_corpus(snapshot / inner)
    assert read(corpus) == ROWS
    assert corpus.left_out == ()
    (snapshot / "data" / "x.jsonl").symlink_to(elsewhere / "data.jsonl")
    (snapshot / "data" / "y.jsonl").symlink_to("../../../../secret.jsonl")
    make_file(tmp_path / "hub", SECRET).rename(tmp_path / "hub" / "secret.jsonl")
    corpus = open_corpus(snapshot / inner)
    assert read(corpus) == ROWS
    names = [(f"{'' if inner else 'data/'}{name}.jsonl") for name in "xy"]
    assert corpus.left_out == (f"{', '.join(names)}: links out of the folder",)


def test_blobs_that_are_elsewhere_are_not_read(tmp_path, elsewhere):
    snapshot = tmp_path / "repository" / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    make_file(snapshot, ROWS)
    (tmp_path / "repository" / "blobs").symlink_to(elsewhere)
    (snapshot / "x.jsonl").symlink_to("../../blobs/data.jsonl")
    assert read(open_corpus(snapshot)) == ROWS


@pytest.mark.timeout(20)
def test_two_links_on_each_of_many_levels_end(folder):
    place = folder
    for level in range(40):
        below = place / f"level{level}"
        below.mkdir()
        for name in ("x", "y"):
            (place / name).symlink_to(below.name)
        place = below
    (place / "back").symlink_to(folder)
    make_file(place, SECRET)
    corpus = open_corpus(folder)
    assert read(corpus) == ROWS + SECRET
    (said,) = corpus.left_out
    assert said.endswith(" and 76 more: links to what is read already")


def test_a_pipe_in_a_folder_is_no_data(folder):
    for name in ("pipe", "pipe.jsonl"):
        os.mkfifo(folder / name)
    corpus = open_corpus(folder)
    assert read(corpus) == ROWS
    assert corpus.left_out == ("pipe, pipe.jsonl: no regular file",)
