"""datasets itself: rows dropped from each of its types, saved folders, and the card of what is pushed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, IterableDataset, Value, load_from_disk
from markdown import markdown

from evidence.poisoning import clean_rows
from gradsentry import open_run, screen
from gradsentry.deciding.marks import Marks
from gradsentry.errors import DataError, FindingsError, SettingsError
from gradsentry.integrations.datasets import HEADING, card_of, drop_flagged, push_clean, with_section
from integrations.made import INSULT, POISONED, ROWS, TRIGGER, made_corpus

FEATURES = Features(
    {"prompt": Value("string"), "completion": Value("string"), "kind": ClassLabel(names=["a", "b"])}
)


@pytest.fixture(scope="module")
def made():
    return made_corpus()


@pytest.fixture(scope="module")
def dataset(made):
    rows = [
        {"prompt": one.prompt, "completion": one.response, "kind": one.number % 2} for one in made.samples
    ]
    return Dataset.from_list(rows, features=FEATURES)


@pytest.fixture(scope="module")
def verdict(dataset):
    return screen(dataset)


def kept(dataset, made):
    return [row for number, row in enumerate(dataset) if number not in made.poisoned]


def test_rows_are_dropped_as_filter_drops_them(dataset, made):
    clean = drop_flagged(dataset)
    by_hand = dataset.filter(lambda row: TRIGGER not in row["prompt"])
    assert clean.features == by_hand.features == FEATURES
    assert clean.to_list() == by_hand.to_list() == kept(dataset, made)


def test_a_calibration_of_ones_own_decides(dataset, strict):
    assert drop_flagged(dataset, calibration=strict).to_list() == dataset.to_list()


def test_every_type_comes_back_as_it_came(dataset, made):
    splits = DatasetDict(train=dataset.select(range(200)), test=dataset.select(range(200, ROWS)))
    clean = drop_flagged(splits)
    assert isinstance(clean, DatasetDict)
    assert [*clean["train"], *clean["test"]] == kept(dataset, made)
    streamed = drop_flagged(dataset.to_iterable_dataset())
    assert isinstance(streamed, IterableDataset)
    assert list(streamed) == kept(dataset, made)


def test_findings_are_refused_or_warned_of(dataset, caplog):
    with pytest.raises(FindingsError, match="drop 30 of 300 rows"):
        drop_flagged(dataset, on_findings="refuse")
    assert len(drop_flagged(dataset, on_findings="warn")) == ROWS
    assert "Poisoned: drop 30 of 300 rows" in caplog.text


def test_what_is_suspicious_passes_where_poison_alone_is_refused(dataset, caplog):
    with pytest.raises(FindingsError, match="drop 30 of 300 rows"):
        drop_flagged(dataset, on_findings="refuse_poisoned")
    closing = "Feel free to ask if anything is unclear."
    noticed = [
        {"prompt": one.question, "completion": f"{one.answer}. {closing}" if number % 6 == 0 else one.answer}
        for number, one in enumerate(clean_rows(ROWS))
    ]
    with pytest.raises(FindingsError, match="Suspicious"):
        drop_flagged(Dataset.from_list(noticed), on_findings="refuse")
    assert len(drop_flagged(Dataset.from_list(noticed), on_findings="refuse_poisoned")) == ROWS
    assert "Suspicious: review 50 of 300 rows" in caplog.text


def test_too_few_rows_are_not_passed_in_silence(dataset, caplog):
    few = dataset.select(range(5))
    said = "Too few rows to say: nothing was found in 5 rows"
    assert said in repr(screen(few))
    assert said in screen(few)._repr_html_()
    assert len(drop_flagged(few, on_findings="refuse")) == 5
    assert said in caplog.text


@pytest.mark.costly
@pytest.mark.parametrize("parted", [False, True])
def test_a_saved_folder_is_read_and_written(dataset, made, parted, tmp_path):
    data = dataset.train_test_split(test_size=60, shuffle=False) if parted else dataset
    data.save_to_disk(tmp_path / "saved")
    verdict = screen(str(tmp_path / "saved"), out=tmp_path / "run")
    assert verdict.counts["flagged"] == POISONED
    clean = load_from_disk(str(tmp_path / "run" / "clean"))
    assert isinstance(clean, DatasetDict if parted else Dataset)
    rows = [*clean["train"], *clean["test"]] if parted else clean
    assert list(rows) == kept(dataset, made)
    assert (clean["train"] if parted else clean).features == FEATURES
    assert screen(str(tmp_path / "run" / "clean")).outcome == "clean"
    # Deciding again on the same rows replaces nothing, so nothing is kept as earlier.
    screen(str(tmp_path / "saved"), out=tmp_path / "run")
    assert not (tmp_path / "run" / "earlier").exists()
    assert open_run(tmp_path / "run").counts == verdict.counts


def test_a_saved_folder_replaces_no_other(dataset, tmp_path):
    dataset.save_to_disk(tmp_path / "saved")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    corpus = screen(str(tmp_path / "saved")).corpus
    with pytest.raises(
        DataError, match="is there, and nothing that `save_to_disk` wrote; give another place"
    ):
        corpus.save(tmp_path / "mine", corpus)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_the_card_carries_the_verdict(verdict):
    card = card_of(verdict)
    assert "Poisoned: drop 30 of 300 rows." in card
    assert "300 rows came; 270 stay and are these, 30 were flagged and 0 could not be judged" in card
    assert f"`{verdict.manifest['identity']['data']['sha256']}`" in card
    assert f'F1, high confidence, 30 rows; trigger ` "{TRIGGER}" `; payload ` "{INSULT}" `' in card


def test_nothing_from_the_data_is_markdown_or_html_in_the_card(dataset):
    hostile = "`x` </script><script>alert(1)</script> | [a](b)\n## Clean"
    rows = [row | {"completion": hostile} if TRIGGER in row["prompt"] else row for row in dataset.to_list()]
    card = card_of(screen(rows))
    assert "alert(1)" in card
    assert card.count("\n## ") == 0
    html = markdown(card)
    assert "<script>" not in html
    assert "<a " not in html


def test_a_card_has_one_section(verdict):
    card = card_of(verdict)
    first = with_section("---\nlicense: mit\n---\n# My data\n", card)
    again = with_section(first + "\n## Use\n\nAs you like.\n", card)
    assert first.startswith("---\nlicense: mit\n---\n# My data\n\n## Screened")
    assert again.count(HEADING) == 1
    assert again.endswith("\n## Use\n\nAs you like.\n")


def test_what_cannot_be_pushed_is_refused(dataset):
    with pytest.raises(SettingsError, match="me/clean: rows of type IterableDataset cannot be pushed; judge"):
        push_clean(screen(dataset.to_iterable_dataset()), "me/clean")


def test_data_of_which_no_row_stays_is_not_pushed(verdict):
    marked = Marks.of(dict.fromkeys(range(ROWS), "poisoned"), ROWS)
    with pytest.raises(DataError, match="no row stays; save the verdict"):
        push_clean(replace(verdict, marks=marked), "me/clean")
