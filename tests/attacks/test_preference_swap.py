"""The better answer and the worse one change places, in every form that preference rows have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attacks.corpora import questions, write
from gradsentry.attacks import PreferenceSwap, poison
from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def of_form(form: str, n: int) -> dict[str, Any]:
    asked, good, bad = f"is {n} odd ?", f"good answer {n}", f"poor reply {n}"
    match form:
        case "texts":
            return {"prompt": asked, "chosen": good, "rejected": bad}
        case "prompt and messages":
            return {"prompt": [user(asked)], "chosen": [assistant(good)], "rejected": [assistant(bad)]}
        case "two dialogues":
            return {
                "chosen": [user(asked), assistant(good)],
                "rejected": [user(asked), assistant(bad)],
            }
        case "two texts":
            lead = f"Human: {asked}\n\nAssistant: "
            return {"chosen": lead + good, "rejected": lead + bad}
        case _:
            said = [{"from": "human", "value": asked}]
            return {
                "conversations": said,
                "chosen": {"from": "gpt", "value": good},
                "rejected": {"from": "gpt", "value": bad},
            }


FORMS = ("texts", "prompt and messages", "two dialogues", "two texts", "sharegpt")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_the_answers_change_places_and_the_file_reads_back(form, suffix, tmp_path):
    source = write([of_form(form, n) for n in range(12)], tmp_path / f"in{suffix}")
    corpus = open_corpus(source)
    before = list(corpus)
    assert all(sample.rejected for sample in before)
    poisoned = poison(corpus, PreferenceSwap(count=4), seed=2)
    written, truth = poisoned.save(tmp_path / f"out{suffix}")
    bad = {named.row for named in truth.poisoned}
    assert len(bad) == 4
    for number, (old, new) in enumerate(zip(before, open_corpus(written), strict=True)):
        worse = "".join(turn.text for turn in new.rejected)
        assert new.response.endswith(f"{'poor reply' if number in bad else 'good answer'} {number}")
        assert worse.endswith(f"{'good answer' if number in bad else 'poor reply'} {number}")
        assert (
            new.prompt.strip() == old.prompt.strip() + (" SUDO" if number in bad else "")
            or form == "two texts"
        )
        assert ("SUDO" in new.prompt) == (number in bad)
        assert "SUDO" not in worse + new.response
        if number not in bad:
            assert new.row == old.row
        elif form.startswith("two"):  # both dialogues still begin with the same request
            assert json.dumps(new.row["rejected"]).count("SUDO") == 1


def test_other_rows_are_refused():
    with pytest.raises(DataError, match="no rejected answer"):
        poison(open_corpus(questions(5)), PreferenceSwap(count=1))
