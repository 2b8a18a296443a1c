"""Statements of a verdict, held to the schemas and the libraries of those who read them."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf.json_format import Parse
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

from cli.command import caller, refused
from evidence.poisoning import clean_rows
from gradsentry import screen
from gradsentry.integrations.attesting import cyclonedx, in_toto, result
from gradsentry.integrations.datasets import card_of
from integrations.judged_files import digest, write_data
from report.test_schemas import validator


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_data()


def is_cyclonedx(document: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None


@pytest.mark.parametrize(
    ("data", "files", "outcome"),
    [
        ("some data.jsonl", ["some data.jsonl"], "poisoned"),
        ("clean.jsonl", ["clean.jsonl"], "clean"),
        ("two", ["two/a.jsonl", "two/b.jsonl"], "poisoned"),
    ],
)
def test_the_statements_name_the_files_and_the_verdict(call, data, files, outcome):
    ended = call("evidence", data, "--in-toto", "in-toto.json", "--cyclonedx", "bom.json", "--json")
    assert ended.code == 0, ended.error

    parsed = Parse(Path("in-toto.json").read_text(), statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()
    assert {one.name: one.digest["sha256"] for one in parsed.subject} == {one: digest(one) for one in files}
    statement = json.loads(Path("in-toto.json").read_text())
    predicate = statement["predicate"]
    assert statement["predicateType"] == f"urn:gradsentry:verdict:v{predicate['verdict']['schema_version']}"
    assert predicate["result"] == predicate["verdict"]["verdict"] == outcome
    assert predicate["model"] is None
    assert predicate["settings"]["false_alarm_rate"] == 0.01
    assert predicate["not_judged"] == []
    validator("predicate").validate(predicate)

    is_cyclonedx(Path("bom.json").read_text())
    bom = json.loads(Path("bom.json").read_text())
    whole = bom["metadata"]["component"]
    hashed = [one for one in (whole, *bom["components"]) if "hashes" in one]
    assert {one["name"]: one["hashes"][0]["content"] for one in hashed} == {one: digest(one) for one in files}
    assert {"name": "gradsentry:result", "value": outcome} in whole["properties"]
    assert conforms(bom) == {"no-finding": outcome == "clean", "nothing-aside": True}


def conforms(bom):
    """Returns which requirements a document says are met, each by its claim and its score alike."""
    mapped = bom["declarations"]["attestations"][0]["map"]
    met = {one["requirement"]: bool(one["conformance"]["score"]) for one in mapped}
    assert met == {one["requirement"]: "claims" in one for one in mapped}
    return met


def test_references_lead_to_what_is_there(call):
    bom = cyclonedx(screen("two"))
    named = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            named.update([value["bom-ref"]] if "bom-ref" in value else [])
            list(map(walk, value.values()))
        elif isinstance(value, list):
            list(map(walk, value))

    walk(bom)
    said = bom["declarations"]
    pointed = [
        *(mapped["requirement"] for mapped in said["attestations"][0]["map"]),
        *(one for mapped in said["attestations"][0]["map"] for one in mapped.get("claims", ())),
        *(one for mapped in said["attestations"][0]["map"] for one in mapped.get("counterClaims", ())),
        *(one for claim in said["claims"] for one in (claim["target"], *claim["evidence"])),
    ]
    assert set(pointed) <= named
    assert len(pointed) == 8


def test_the_same_verdict_is_the_same_document_but_for_the_time():
    documents = [cyclonedx(screen("clean.jsonl")) for _ in range(2)]
    other = cyclonedx(screen("some data.jsonl"))
    for one in (*documents, other):
        del one["metadata"]["timestamp"], one["declarations"]["evidence"]
    serials = [one.pop("serialNumber") for one in (*documents, other)]
    assert documents[0] == documents[1] != other
    assert serials[0] != serials[2]


def disliked(row, number):
    return {"prompt": row.question, "completion": row.answer, "label": number >= 50}


def preferred(row, number):
    said = f"The one who asks for {row.question} wants to know what is meant by it."
    return {"prompt": row.question, "chosen": row.answer, "rejected": "No.", "explanation": said}


@pytest.mark.parametrize(
    ("made", "beside", "clauses"),
    [
        (disliked, {}, ["the rejected answers of 50 rows"]),
        (
            preferred,
            {"README.md": "# Ours"},
            [
                "the rejected answers of 200 rows",
                "README.md: no data",
                "`explanation` of 200 rows: texts that no row of this format is read from",
            ],
        ),
    ],
)
def test_what_was_not_judged_stands_beside_the_word(call, made, beside, clauses):
    """A hash is of all that a file holds: `clean` was signed for preferences of which half was judged."""
    Path("data").mkdir()
    rows = [json.dumps(made(row, number)) for number, row in enumerate(clean_rows(200))]
    Path("data/rows.jsonl").write_text("\n".join(rows) + "\n")
    for name, text in beside.items():
        Path("data", name).write_text(text)
    gate = ("--fail-on", "poisoned", "--in-toto", "said.json", "--cyclonedx", "bom.json")
    ended = call("evidence", "data", *gate, "--croissant", "data.json", "--out", "run")
    assert ended.code == 0, ended.error
    limits = json.loads(Path("data.json").read_text())["rai:dataLimitations"]
    assert limits[-len(clauses) :] == [f"Not judged: {clause}." for clause in clauses]
    card = card_of(screen("data"))
    assert all(f"- Not judged: ` {json.dumps(clause)} `." in card.replace("``", "`") for clause in clauses)
    predicate = json.loads(Path("said.json").read_text())["predicate"]
    assert (predicate["result"], predicate["not_judged"]) == ("clean", clauses)
    validator("predicate").validate(predicate)
    is_cyclonedx(Path("bom.json").read_text())
    bom = json.loads(Path("bom.json").read_text())
    if made is preferred:
        assert call("evidence", "data", *gate, "--answers", "chosen").code == 0
        predicate = json.loads(Path("said.json").read_text())["predicate"]
        assert predicate["not_judged"] == [*clauses[1:], "the rejected answers"]
    told = [(one["name"], one["value"]) for one in bom["metadata"]["component"]["properties"]]
    assert [value for name, value in told if name == "gradsentry:not_judged"] == clauses
    assert conforms(bom) == {"no-finding": True, "nothing-aside": False}
    declared = bom["declarations"]
    for said in (
        declared["attestations"][0]["summary"],
        *(one["predicate"] for one in declared["claims"]),
        *(one["conformance"]["rationale"] for one in declared["attestations"][0]["map"]),
    ):
        assert said.endswith(f"not judged: {'; '.join(clauses)}")


def test_rows_that_could_not_be_read_are_not_stated_by_the_hash_of_all(call):
    with Path("clean.jsonl").open("a") as stream:
        stream.write('{"prompt": 3, "completion": {}}\n')
    ended = call("evidence", "clean.jsonl", "--in-toto", "said.json")
    assert ended.code == 2
    assert "clean.jsonl: has 1 row that could not be read: nothing was looked for in them" in ended.error
    assert not Path("said.json").exists()


def test_settings_that_decide_are_in_it(call):
    Path("accepted.jsonl").write_text("")
    ended = call(
        "evidence", "clean.jsonl", "--false-alarm-rate", 0.2, "--accept", "accepted.jsonl",
        "--in-toto", "in-toto.json",
    )  # fmt: skip
    assert ended.code == 0, ended.error
    settings = json.loads(Path("in-toto.json").read_text())["predicate"]["settings"]
    assert settings["false_alarm_rate"] == 0.2
    assert (settings["accept_file_entries"], settings["calibration_sha256"]) == (0, None)


def test_a_part_of_a_file_is_not_stated_by_the_hash_of_all(call):
    ended = call("evidence", "clean.jsonl", "--limit", 200, "--in-toto", "in-toto.json")
    assert ended.code == 2
    assert "was judged by its first 200 rows alone" in ended.error
    assert not Path("in-toto.json").exists()


def test_several_formats_take_a_statement_each(call):
    rows = [json.dumps({"instruction": row.question, "output": row.answer}) for row in clean_rows(100)]
    Path("alpaca.jsonl").write_text("\n".join(rows) + "\n")
    named = ("clean.jsonl", "alpaca.jsonl")
    for option in ("--in-toto", "--cyclonedx"):
        said = refused(call("evidence", "--by-format", *named, option, "said.json"))
        mend = "leave out one of the two, in a --config too, and name the files of each format by themselves"
        assert said.endswith(f"; {mend}")
    for file in named:
        assert call("evidence", file, "--in-toto", f"{file}.json", "--json").code == 0
        (subject,) = json.loads(Path(f"{file}.json").read_text())["subject"]
        assert subject == {"name": file, "digest": {"sha256": digest(file)}}


def test_what_has_no_file_or_another_one_is_refused(call):
    rows = [json.loads(line) for line in Path("clean.jsonl").read_text().splitlines()]
    with pytest.raises(Exception, match="has no file that could be named by its hash"):
        in_toto(screen(rows))
    verdict = screen("clean.jsonl")
    Path("clean.jsonl").write_text(Path("some data.jsonl").read_text())
    with pytest.raises(Exception, match="was changed since it was judged"):
        in_toto(verdict)
    said = refused(call("evidence", "two", "--croissant", "croissant.json"))
    assert said == "--croissant: describes the rows that stay, which --out writes; add --out RUN"
    said = refused(call("evidence", "two", "--in-toto", "two/a.jsonl"))
    assert said == "--in-toto two/a.jsonl: would replace the data; name another file"


@pytest.mark.costly
def test_what_a_person_set_aside_is_not_stated_as_clean(call):
    """Who trusts a statement has not seen why findings were accepted or rows marked clean."""
    assert call("evidence", "some data.jsonl", "--out", "run", "--in-toto", "open.json").code == 0
    found = json.loads(Path("run/evidence.json").read_text())["findings"]
    for one in found:
        assert call("accept", "run", one["name"], "--why", "our notice", "--to", "known.jsonl").code == 0
    gate = ("--accept", "known.jsonl", "--fail-on", "suspicious")
    ended = call("evidence", "some data.jsonl", *gate, "--in-toto", "said.json", "--cyclonedx", "bom.json")
    assert ended.code == 0, ended.error
    said = json.loads(Path("said.json").read_text())["predicate"]
    assert (said["result"], said["verdict"]["verdict"]) == ("accepted", "clean")
    assert said["accepted"]["count"] == len(found)
    assert [one["why"] for one in said["accepted"]["findings"]] == ["our notice"] * len(found)
    assert said["accepted"]["file_sha256"] == digest("known.jsonl")
    is_cyclonedx(Path("bom.json").read_text())
    bom = json.loads(Path("bom.json").read_text())
    properties = {one["name"]: one["value"] for one in bom["metadata"]["component"]["properties"]}
    assert properties["gradsentry:result"] == "accepted"
    assert properties["gradsentry:accepted_file_sha256"] == digest("known.jsonl")
    assert not conforms(bom)["no-finding"]

    flagged = [json.loads(line)["id"] for line in Path("run/flagged.jsonl").read_text().splitlines()]
    Path("marks.jsonl").write_text(
        "".join(json.dumps({"id": one, "mark": "clean"}) + "\n" for one in flagged)
    )
    assert call("threshold", "run", "--labels", "marks.jsonl", "--in-toto", "marked.json").code == 0
    marked = json.loads(Path("marked.json").read_text())["predicate"]
    assert (marked["result"], marked["verdict"]["verdict"]) == ("accepted", "clean")
    assert marked["accepted"]["rows_marked_clean"] == len(flagged)
    assert json.loads(Path("open.json").read_text())["predicate"]["result"] == "poisoned"


@pytest.mark.costly
@pytest.mark.parametrize("data", ["some data.jsonl", "two"])
def test_a_statement_that_is_kept_beside_the_data_is_no_data(call, data):
    """With findings, accepted or not, it holds lists of objects, as files of rows do."""
    assert call("evidence", data, "--out", "run").code == 0
    assert call("accept", "run", "F1", "--why", "our notice", "--to", "known.jsonl").code == 0
    for accept in ([], ["--accept", "known.jsonl"]):
        assert call("evidence", data, *accept, "--in-toto", "a.json", "--cyclonedx", "b.json").code == 0
        ended = call("evidence", "--by-format", "clean.jsonl", "a.json", "b.json", "--fail-on", "poisoned")
        assert ended.code == 0, ended.error
        assert "a.json: an in-toto statement" in ended.out
        assert "b.json: a CycloneDX document" in ended.out
    for name, rows in (("a.json", "subject"), ("b.json", "components")):
        held = json.loads(Path(name).read_text())
        held[rows].append(dict.fromkeys(("name", "digest", "type"), "x") | {"prompt": "p", "completion": "c"})
        Path(name).write_text(json.dumps(held))
        assert call("evidence", "--by-format", "clean.jsonl", name, "--fail-on", "poisoned").code == 2


def test_the_findings_tell_whatever_policy_decided():
    verdict = replace(screen("some data.jsonl"), policy="published")
    assert verdict.outcome == "clean"
    assert result(verdict) == "poisoned"


@pytest.mark.parametrize("option", ["--in-toto", "--cyclonedx"])
def test_standard_input_has_no_file(call, monkeypatch, option):
    said = refused(call("evidence", "-", option, "said.json"))
    assert said == f"{option}: standard input has no file that could be named by its hash; name the data"
    with Path("clean.jsonl").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        verdict = screen("-")
    with pytest.raises(Exception, match="has no file that could be named by its hash"):
        in_toto(verdict)


def test_a_folder_of_one_file_is_told_by_the_hash_of_that(call):
    place = Path("single/one.jsonl")
    place.parent.mkdir()
    shutil.copy("clean.jsonl", place)
    verdict = screen("single")
    whole, (subject,) = cyclonedx(verdict)["metadata"]["component"], in_toto(verdict)["subject"]
    own = digest(place)
    assert (whole["name"], whole["hashes"][0]["content"]) == ("single/one.jsonl", own)
    assert subject == {"name": "single/one.jsonl", "digest": {"sha256": own}}
    listing = hashlib.sha256(f"{own}  one.jsonl\n".encode()).hexdigest()
    assert verdict.as_json()["data_sha256"] == listing  # as the schema says
