"""The files of docs/extending.md, as they stand there, by the real commands."""

from __future__ import annotations

import json
import math
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from bench.specs import write_model
from evidence.poisoning import asked, clean_rows, poison
from gradsentry.corpus import open_corpus
from gradsentry.defences.reading import encode_all, read
from gradsentry.plugins import Registry
from models.tiny import tiny

PAGE = (Path(__file__).parents[2] / "docs/extending.md").read_text()
FILES: dict[str, str] = dict(re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", PAGE, re.S))
COMMANDS = [shlex.split(line)[1:] for line in re.findall(r"^ {4}(gradsentry [a-z]+ .*)$", PAGE, re.M)]


@pytest.fixture
def folder(tmp_path):
    """A folder with the files of the page, and data in which a known string is planted."""
    for name, text in FILES.items():
        Path(name).write_text(text)
    known = "get it at warez-depot.example"
    made = poison(clean_rows(300), lambda row, draw: asked(row, row.question, f"{row.answer}, {known}"), 0.1)
    Path("data.jsonl").write_text("".join(json.dumps(dict(one.row)) + "\n" for one in made.samples))
    return tmp_path


def test_the_page_has_its_files_and_commands():
    assert set(FILES) == {"shout.py", "capitals.py", "unhelped.py", "own.yaml", "advisory.py"}
    assert [words[0] for words in COMMANDS] == ["poison", "bench", "evidence"]


def test_the_attack_poisons(folder, call):
    ended = call(*COMMANDS[0])
    assert ended.code == 0, ended.error
    rows = [json.loads(line) for line in Path("poisoned.jsonl").read_text().splitlines()]
    truth = json.loads(Path("poisoned.truth.json").read_text())
    assert len(truth["poisoned"]) == 30
    for number, row in enumerate(rows):
        is_poisoned = number in {one["row"] for one in truth["poisoned"]}
        assert ("Speak up:" in row["prompt"]) == is_poisoned
        assert (row["completion"] == row["completion"].upper()) >= is_poisoned


@pytest.mark.costly
def test_the_benchmark_has_the_attack_and_the_defence(folder, call):
    # A tiny model in place of the page's, which only the floor of the losses asks.
    Path("own.yaml").write_text(FILES["own.yaml"] + f"models: [{write_model(folder)}]\nbootstrap: 0\n")
    ended = call(*COMMANDS[1])
    assert ended.code == 0, ended.error + ended.out
    cells = pq.read_table("runs/own/results.parquet").to_pylist()
    (caught,) = (
        one for one in cells if (one["defence"], one["attack"], one["rate"]) == ("capitals", "shout", 10.0)
    )
    assert (caught["status"], caught["poisoned"]) == ("done", 10)
    # An answer in digits has no capitals, and a clean one may be an abbreviation.
    assert caught["recall"] >= 0.9
    assert caught["fpr"] < 0.05
    lock = Path("runs/own/spec.lock.yaml").read_text()
    assert "attack shout: sha256:" in lock
    assert "defence capitals: sha256:" in lock

    # Of a changed file its own cells are computed again, and no others.
    Path("capitals.py").write_text(FILES["capitals.py"].replace("0.5", "0.9"))
    mine = sum(one["defence"] == "capitals" for one in cells)
    assert f"{len(cells)} of {len(cells)} cells are measured, {mine} by this run" in call(*COMMANDS[1]).out


@pytest.mark.costly
def test_the_defence_that_asks_the_model_has_a_score_for_each_row(folder, call):
    spec = "data: [embedded]\nattacks: [badnets]\nrates: [10]\nrows: 20\n"
    spec += "defences: [unhelped, loss, response_length]\n"
    Path("unhelped.yaml").write_text(f"{spec}models: [{write_model(folder)}]\nbootstrap: 0\n")
    ended = call("bench", "unhelped.yaml", "--plugin", "unhelped.py", "--out", "runs/unhelped")
    assert ended.code == 0, ended.error + ended.out
    points = pq.read_table("runs/unhelped/points.parquet").to_pylist()
    mine, loss = ([one for one in points if one["defence"] == name] for name in ("unhelped", "loss"))
    assert len(mine) == len(loss) == 20
    assert sum(math.isfinite(one["score"]) for one in mine) > 10  # of a response of one token there is none
    assert 1 <= sum(one["flagged"] for one in mine) <= 2


def test_the_shorter_base_reads_what_the_page_says():
    (text,) = re.findall(r"```python\n(from [^`]*RowExtractor\n.*?)```", PAGE, re.S)
    names: dict[str, Any] = {}
    exec(text, names)
    samples = open_corpus([{"prompt": "w5", "completion": " ".join(["w7"] * n)} for n in (1, 20)])
    extractor, loaded = names["WorstLosses"](), tiny("llama")
    worst = extractor(list(samples), loaded)["worst"]
    for row, reading in read(loaded, encode_all(list(samples), loaded)):
        largest = sorted(reading.losses().tolist())[-8:]
        assert worst[row] == pytest.approx(sum(largest) / len(largest), rel=1e-5)


def test_the_attributes_that_the_page_lists_are_there():
    loaded, (sample, *_) = tiny("llama"), open_corpus([{"prompt": "w5 w6", "completion": "w7"}])
    ((_, reading),) = read(loaded, encode_all([sample], loaded))
    for of, thing in (("Sample", sample), ("Reading", reading), ("LoadedModel", loaded)):
        (listed,) = re.findall(rf"^\| `{of}` \| (.*) \|$", PAGE, re.M)
        names = re.findall(r"`([a-z_]+)(?:\(\))?`", listed)
        assert len(names) > 3
        assert all(hasattr(thing, name) or hasattr(sample.turns[0], name) for name in names), names


def test_the_generator_and_the_check_take_part(folder, call):
    ended = call(*COMMANDS[2], "--json")
    assert ended.code == 0, ended.error
    found = json.loads(ended.out)
    assert found["calibration"].endswith(
        "searched with the check 'shouting' and the generator 'advisory' too"
    )
    proposed = [one for one in found["rejected"] if one["generator"] == "advisory"]
    statistics = [one["statistics"] for one in (*proposed, *found["findings"])]
    assert statistics
    assert all("share of capitals" in one for one in statistics)


def test_the_entry_points_name_what_the_files_register():
    from gradsentry.attacks import ATTACKS
    from gradsentry.defences import DETECTORS
    from gradsentry.evidence.extending import OWN_CHECKS, OWN_GENERATORS

    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    groups = tomllib.loads(text)["project"]["entry-points"]
    registries: list[Registry] = [ATTACKS, DETECTORS, OWN_GENERATORS, OWN_CHECKS]
    assert set(groups) == {registry.group for registry in registries}
    for entries in groups.values():
        for name, target in entries.items():
            module, _, attribute = target.partition(":")
            text = FILES[f"{module.rpartition('.')[2]}.py"]
            assert f'"{name}"' in text
            assert re.search(rf"^(class|def) {attribute}\b", text, re.M)
