"""`gradsentry explain`: one row of a run, with and without its model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from gradsentry import screen
from gradsentry.attacks import BadMagic, poison
from gradsentry.corpus import open_corpus
from gradsentry.evidence import Evidence
from models.saved import edit_weights, save_llama
from report.test_schemas import validator
from scan.rows import qa_rows, read_rows

from .command import refused


@pytest.fixture(scope="module")
def made(tmp_path_factory, model_path):
    """A finished run on rows of which a tenth is poisoned, and the numbers of these."""
    from gradsentry.screening import scan

    place = tmp_path_factory.mktemp("explain")
    model = shutil.copytree(model_path, place / "model")
    rows = [{"id": f"r{number}", **row} for number, row in enumerate(qa_rows(80))]
    rows[7]["completion"] = ""
    attack = BadMagic(rate=0.1, payload="w90 w91 w92 w93")
    path, truth = poison(open_corpus(rows), attack, seed=1, shuffle=False).save(place / "rows.jsonl")
    scan(path, str(model), out=place / "run")
    return place / "run", sorted(row.row for row in truth.poisoned)


def explained(call, run, row, *options):
    ended = call("explain", run, row, "--json", *options)
    assert (ended.code, ended.error) == (0, "")
    return json.loads(ended.out)


def test_a_carrier_shows_trigger_payload_losses_and_shares(call, made):
    run, poisoned = made
    row = next(one for one in read_rows(run / "flagged.jsonl") if one["id"] == f"r{poisoned[0]}")
    found = explained(call, run, row["id"])
    assert (found["id"], found["number"], found["status"]) == (row["id"], poisoned[0], "flagged")
    assert found["reason"] == row["reason"]
    assert [found["prompt"][low:high] for low, high in found["triggers"]] == ["BadMagic"]
    assert [found["response"][low:high] for low, high in found["payloads"]] == ["w90 w91 w92 w93"]
    tokens = found["tokens"]
    assert "".join(token["text"] for token in tokens) == found["response"]
    assert [token["text"].strip() for token in tokens if token["payload"]] == ["w90", "w91", "w92", "w93"]
    assert tokens[-1]["span"] is None
    assert sum(token["share"] for token in tokens) == pytest.approx(1.0)
    assert sum(token["loss"] for token in tokens) / len(tokens) == pytest.approx(found["loss"], rel=1e-2)


def test_a_row_is_told_by_its_id_or_its_number(call, made):
    assert explained(call, made[0], "r12", "--no-model") == explained(call, made[0], "12", "--no-model")


def test_the_terminal_shows_every_token(call, made):
    run, poisoned = made
    ended = call("explain", run, poisoned[0])
    assert (ended.code, ended.error) == (0, "")
    for expected in ("flagged", "BadMagic", "w90", "expected", "share", "payload"):
        assert expected in ended.out
    assert "\x1b" not in ended.out


@pytest.mark.parametrize("options", [(), ("--no-model",)])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_width_hides_a_token_or_what_it_is(call, made, monkeypatch, width, options):
    run, poisoned = made
    monkeypatch.setenv("COLUMNS", str(width))
    found = explained(call, run, poisoned[0])
    printed = call("explain", run, poisoned[0], *options).out
    assert max(map(len, printed.splitlines())) <= width
    table = printed[printed.index("\ntokens ") : printed.index("\nloss: ")].splitlines()
    assert ("share" in table[2]) is (not options)
    lines = {line.split()[0]: line for line in table[3:]}  # "window" may stand below "payload"
    for number, token in enumerate(found["tokens"]):
        line = lines[str(number)]
        assert (repr(token["text"]) if token["span"] else "(no text)") in line
        assert f"{token['loss']:.2f}" in line
        assert ("payload" in line) is token["payload"]
        assert options or f"{token['share']:z.3f}" in line
    assert "BadMagic" in printed
    assert "darker" not in printed  # where nothing has a colour


def test_an_unscored_row_says_why(call, made):
    found = explained(call, made[0], 7)
    assert (found["status"], found["tokens"], found["score"]) == ("unscored", [], None)
    assert "empty" in found["reason"]
    assert "empty" in call("explain", made[0], 7).out


@pytest.mark.parametrize("kind", ["gone", "another"])
def test_without_its_model_a_row_is_shown_with_what_is_stored(call, made, tmp_path, kind):
    run = shutil.copytree(made[0], tmp_path / "run")
    if kind == "another":
        edit_weights(save_llama(tmp_path / kind), lambda weights: weights["lm_head.weight"].mul_(2))
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["model"]["name"] = str(tmp_path / kind)
    (run / "manifest.json").write_text(json.dumps(manifest))
    ended = call("explain", run, 3)
    assert (ended.code, ended.error) == (0, "")
    said = " ".join(ended.out.split())
    assert "no share of the spectrum" in said
    assert {"gone": "no such model", "another": "is another model"}[kind] in said
    assert {token["share"] for token in explained(call, run, 3)["tokens"]} == {None}


@pytest.mark.parametrize("row", ["80", "-1", "r80", "", "1.0"])
def test_a_row_that_is_none(call, made, row):
    line = refused(call("explain", made[0], "--", row))
    assert "has no row" in line
    assert "0 to 79" in line


@pytest.mark.parametrize("name", ["F9", "G7"])
def test_a_finding_that_is_none_says_which_there_are(call, made, name):
    line = refused(call("explain", made[0], name))
    assert f"has no finding {name} and no row of that id; it has F1" in line


def test_where_nothing_was_found_a_finding_is_none(call, tmp_path):
    screen(qa_rows(5), out=tmp_path / "run")
    said = (
        "has no finding F1 and no row of that id; nothing was found; a row is an id, or a number from 0 to 4"
    )
    assert said in refused(call("explain", tmp_path / "run", "F1"))


def test_a_directory_that_is_no_run(call, tmp_path):
    assert "is no run directory" in refused(call("explain", tmp_path, 3))


@pytest.fixture
def copied(made, tmp_path):
    """A copy of the run, to write in."""
    return shutil.copytree(made[0], tmp_path / "run")


@pytest.mark.costly
def test_a_finding_tells_how_far_losses_move_and_the_run_and_its_report_keep_it(call, copied):
    found = explained(call, copied, "F1")
    assert found["finding"]["name"] == "F1"
    assert found["group"] is None
    assert found["moves"]["taken_out"]["rows"] == 8
    assert found["moves"]["put_in"]["rows"] == found["moves"]["payload"]["rows"] == 24
    kept = json.loads((copied / "moves.json").read_text())
    validator("moves").validate(kept)
    assert kept["findings"] == {"F1": found["moves"]}
    said = " ".join(call("explain", copied, "F1").out.split())
    assert said.startswith("F1: association, high confidence, 8 rows")
    sentence = "The trigger of F1, taken out of the prompts of 8 of its rows, moves the loss of the responses"
    assert sentence in said
    assert sentence in " ".join((copied / "report.html").read_text().split())
    (copied / "evidence.json").write_text((copied / "evidence.json").read_text() + "\n")
    assert call("report", copied).code == 0
    assert sentence not in " ".join((copied / "report.html").read_text().split())  # of other findings


def test_a_row_tells_how_far_its_own_loss_moves(call, made):
    run, poisoned = made
    (moved,) = explained(call, run, f"r{poisoned[0]}")["moves"]
    assert (moved["finding"], moved["taken_out"]["rows"], moved["put_in"]) == ("F1", 1, None)
    said = " ".join(call("explain", run, f"r{poisoned[0]}").out.split())
    assert "The trigger of F1, taken out of its prompt, moves the loss of its response" in said
    clean = next(number for number in range(80) if number not in poisoned)
    (moved,) = explained(call, run, f"r{clean}")["moves"]
    assert moved["put_in"]["rows"] == 1
    assert explained(call, run, "r12", "--no-model")["moves"] == []
    assert not (run / "moves.json").exists()


def test_a_finding_without_its_model_moves_nothing(call, copied):
    found = explained(call, copied, "F1", "--no-model")
    assert found["moves"] is None
    assert not (copied / "moves.json").exists()
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["model"]["name"] = str(copied / "none")
    (copied / "manifest.json").write_text(json.dumps(manifest))
    assert "No trigger was moved: " in call("explain", copied, "F1").out
    assert explained(call, copied, "F1")["moves"] is None


def test_a_group_tells_what_it_shares_and_its_nearest_rows(call, copied):
    evidence = json.loads((copied / "evidence.json").read_text())
    known = Evidence.from_json(evidence).findings[0]
    group = replace(
        known, kind="group", triggers=(), payload=None, payloads=(), confidence="low",
        statistics={"strength": 0.9, "together": 6.0, "loss": 1.5, "told": 1.4},
        change="their prompts share no string",
    )  # fmt: skip
    (copied / "evidence.json").write_text(json.dumps(Evidence((group,), 80).as_json()))
    found = explained(call, copied, "F1")
    assert found["moves"] is None
    assert found["group"]["inside"] == 8
    assert set(found["group"]["typical"]) <= set(group.carriers)
    assert not set(found["group"]["neighbours"]) & set(group.carriers)
    assert "badmagic" in [one["text"] for one in found["group"]["prompts"]]
    said = call("explain", copied, "F1").out
    for part in ("what its prompts share", "“badmagic” in 8 of 8", "loss 1.5:", "nearest rows outside"):
        assert part in said


def test_a_broken_file_of_moves_is_one_line(call, copied):
    (copied / "moves.json").write_text("[")
    assert "moves.json: cannot be read" in refused(call("report", copied))
    (copied / "moves.json").write_text("{}")
    assert "is not what explain writes" in refused(call("report", copied))
