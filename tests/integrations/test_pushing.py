"""Clean rows pushed to a Hub that keeps what comes: rows, columns, types, card; and what a refusal says."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from huggingface_hub import DatasetCard

from gradsentry import screen
from gradsentry.about import VERSION
from gradsentry.integrations.datasets import HEADING
from integrations.hub import Repository, serving
from integrations.made import INSULT, TRIGGER, made_corpus, write_lines

pytestmark = pytest.mark.costly
FEATURES = Features(
    {
        "prompt": Value("string"),
        "completion": Value("string"),
        "kind": ClassLabel(names=["a", "b"]),
        "weight": Value("float32"),
        "when": Value("timestamp[ms]"),
    }
)
REFUSED = {
    "me/unknown": ("any", 401, "Invalid username or password."),
    "me/forbidden": ("any", 403, "You may not write here"),
    "me/broken": ("any", 500, "Internal Error\nat line 3\nat line 1"),
    "me/unwritten": ("rows", 403, "You may only read here"),
    "me/half": ("card", 403, "A person has to look first"),
}
MINE = "---\nlicense: mit\n---\n# My data\n\nOf my own hand.\n"
PUSHES = [
    ("saved", "me/clean", {}),
    ("saved-parted", "me/parted", {"private": True}),
    ("lines.jsonl", "me/lines", {}),
    ("folder", "me/folder", {}),
    ("saved", "unowned", {}),
    ("saved", "me/given", {"token": "hf_given"}),
    ("saved-parted", "me/mine", {}),
    ("saved", "me/mine", {}),
    *(("saved", name, {}) for name in REFUSED),
    ("saved", "me/-name", {}),
    ("saved", "no/such/name", {}),
    ("saved", "buckets/me/clean", {}),
]


@pytest.fixture(scope="module")
def made():
    return made_corpus()


@pytest.fixture(scope="module")
def rows(made):
    return [
        {
            "prompt": one.prompt,
            "completion": one.response,
            "kind": one.number % 2,
            "weight": one.number / 4,
            "when": 1_700_000_000_000 + one.number,
        }
        for one in made.samples
    ]


@pytest.fixture(scope="module")
def dataset(rows):
    return Dataset.from_list(rows, features=FEATURES)


@pytest.fixture(scope="module")
def texts(made):
    """Rows of a file, of which only some have the last column, and the first has not."""
    return [
        {"prompt": one.prompt, "completion": one.response}
        | ({"source": f"s{one.number}"} if one.number % 3 else {})
        for one in made.samples
    ]


@pytest.fixture(scope="module")
def folder(dataset, texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    dataset.save_to_disk(path / "saved")
    parted = DatasetDict(train=dataset.select(range(200)), test=dataset.select(range(200, len(dataset))))
    parted.save_to_disk(path / "saved-parted")
    write_lines(path / "lines.jsonl", texts)
    write_lines(path / "folder" / "train.jsonl", texts[:200])
    write_lines(path / "folder" / "test.jsonl", texts[200:])
    return path


@pytest.fixture(scope="module")
def hub():
    with serving() as hub:
        hub.refusals |= REFUSED
        hub.repositories["me/mine"] = Repository(False, [{"README.md": MINE.encode()}])
        yield hub


@pytest.fixture(scope="module")
def said(hub, folder, tmp_path_factory):
    """What each push ended with, by repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    asked = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path_factory.mktemp("home")),
        "HF_TOKEN": "hf_dummy",
        "HF_HUB_DISABLE_XET": "1",  # chunks go to a service of their own there; else the files go to the Hub
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    script = Path(__file__).with_name("pushes.py")
    done = subprocess.run(
        [sys.executable, script, folder],
        input=json.dumps(PUSHES),
        capture_output=True,
        text=True,
        env=kept | asked,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert hub.unknown == []
    return dict(zip([repo for _, repo, _ in PUSHES], json.loads(done.stdout), strict=True))


def pushed(hub, repo, split="train"):
    """Returns the table of a split as it lies on the Hub, and nothing else of that split lies there."""
    files = hub.repositories[repo].files
    (path,) = [path for path in files if path.startswith(f"data/{split}-")]
    return pq.read_table(io.BytesIO(files[path]))


def card(hub, repo):
    return DatasetCard(hub.repositories[repo].files["README.md"].decode())


def kept(rows, made, start=0, stop=None):
    return [row for number, row in enumerate(rows) if number not in made.poisoned][start:stop]


def test_the_clean_rows_arrive_with_their_columns_and_types(said, hub, dataset, made):
    assert said["me/clean"] is None
    table = pushed(hub, "me/clean")
    expected = dataset.select([number for number in range(len(dataset)) if number not in made.poisoned])
    assert table.to_pylist() == expected.with_format("arrow")[:].to_pylist()
    assert table.schema.equals(FEATURES.arrow_schema)
    assert Features.from_arrow_schema(table.schema) == FEATURES
    assert not hub.repositories["me/clean"].is_private


def test_the_card_that_arrives_carries_the_verdict(said, hub, dataset):
    assert said["me/clean"] is None
    there = card(hub, "me/clean")
    verdict = screen(dataset)
    assert there.text.count(HEADING) == 1
    assert f"GradSentry {VERSION} judged the data" in there.text
    assert "Poisoned: drop 30 of 300 rows." in there.text
    assert "300 rows came; 270 stay and are these, 30 were flagged" in there.text
    assert f"`{verdict.manifest['identity']['data']['sha256']}`" in there.text
    assert f'trigger ` "{TRIGGER}" `; payload ` "{INSULT}" `' in there.text
    # What `push_to_hub` wrote for the reader of the data set stands as it did.
    info = there.data.to_dict()["dataset_info"]
    assert info["splits"][0]["num_examples"] == 270
    assert [feature["name"] for feature in info["features"]] == [*FEATURES]
    assert there.data.to_dict()["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*"}]


def test_splits_stay_apart(said, hub, dataset, texts, made):
    assert said["me/parted"] is said["me/folder"] is None
    assert hub.repositories["me/parted"].is_private
    before = 200 - sum(number < 200 for number in made.poisoned)
    whole = [{"prompt": row["prompt"], "completion": row["completion"]} for row in kept(dataset, made)]
    for repo in ("me/parted", "me/folder"):
        for split, expected in (("train", whole[:before]), ("test", whole[before:])):
            assert pushed(hub, repo, split).select(["prompt", "completion"]).to_pylist() == expected


def test_a_column_that_the_first_row_lacks_arrives(said, hub, texts, made):
    assert said["me/lines"] is None
    expected = [{"source": None} | row for row in kept(texts, made)]
    assert pushed(hub, "me/lines").to_pylist() == expected
    assert "source" not in texts[0]


def test_a_later_push_replaces_rows_and_section_and_nothing_else_of_the_card(said, hub):
    assert said["me/mine"] is None
    there = card(hub, "me/mine")
    assert there.data.to_dict()["license"] == "mit"
    assert there.text.startswith("# My data\n\nOf my own hand.\n\n## Screened")
    assert there.text.count(HEADING) == 1
    assert pushed(hub, "me/mine").num_rows == 270
    assert {one["name"]: one["num_examples"] for one in there.data.to_dict()["dataset_info"]["splits"]} == {
        "train": 270,
        "test": pushed(hub, "me/mine", "test").num_rows,
    }


def test_a_name_without_an_owner_is_of_the_one_who_pushes(said, hub):
    assert said["unowned"] is None
    assert HEADING in card(hub, "me/unowned").text


def test_a_token_that_is_given_is_the_one_that_is_sent(said, hub):
    assert said["me/given"] is None
    assert {"Bearer hf_dummy", "Bearer hf_given"} <= hub.tokens


def test_a_refusal_is_one_line_with_its_mend(said):
    assert said["me/unknown"] == (
        "me/unknown: was not pushed (the Hub answers 401: Invalid username or password.); "
        "log in with `hf auth login`, or give `token=`"
    )
    assert said["me/forbidden"] == (
        "me/forbidden: was not pushed (the Hub answers 403: You may not write here); "
        "give a token that may write there"
    )
    assert said["me/broken"] == (
        "me/broken: was not pushed (the Hub answers 500: Internal Error); "
        "check the name, the token and the network, and push again"
    )
    assert said["me/unwritten"].startswith("me/unwritten: was not pushed (the Hub answers 403: You may only")
    for name in ("no/such/name", "buckets/me/clean"):
        assert said[name] == f"{name}: is no data set of the Hub; give owner/name"
    assert said["me/-name"].startswith("me/-name: was not pushed (Repo id must use alphanumeric chars")


def test_rows_without_their_card_are_told(said, hub):
    assert said["me/half"].startswith(
        "me/half: its rows were pushed, but not the card that says what was found (the Hub answers 403: A "
    )
    assert pushed(hub, "me/half").num_rows == 270
    assert HEADING not in card(hub, "me/half").text
