"""What a spec takes, and what it refuses before anything is computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gradsentry.bench import Spec
from gradsentry.bench.cells import plan
from gradsentry.errors import SettingsError

FLOORS = ("response_length", "loss")
LEAST: dict[str, Any] = {"data": ["webqa"], "attacks": ["badnets"]}
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attacks": ["magic"]}, "no attack is named 'magic'"),
        ({"attacks": [{"name": "badnets", "settings": {"wrds": 3}}]}, "wrds"),
        (
            {"attacks": [{"name": "badnets", "settings": {"rate": 0.1}}]},
            "the benchmark's `rates` say how many",
        ),
        ({"attacks": ["badnets", "badnets"]}, "two entries are called 'badnets'"),
        ({"defences": ["magic"]}, "no defence is named 'magic'"),
        ({"defences": ["gradsentry"]}, "the floor response_length is missing"),
        ({"defences": [{"name": "gradsentry", "settings": {"crop": 3}}]}, "crop"),
        ({"rates": [101]}, "rates.0"),
        ({"data": []}, "data"),
        ({"ablations": {"k": [65]}}, "k"),
        ({"rowss": 3}, "rowss"),
        ({"rows": 4, "rates": [0, 10]}, "rates: 10 % of 4 rows is not one row to poison; take 6 rows"),
        (
            {"defences": ["response_length", {"name": "loss", "rows": 4}], "rates": [0, 10]},
            r"rates of loss: 10 % of 4 rows is not one row to poison; take 6 rows or more \(its `rows`\), "
            "or a higher rate, or `rates` of its own",
        ),
        ({"data": [{"name": "webqa", "attacks": ["addsent"]}]}, "'addsent' is not in the benchmark"),
        (
            {"defences": ["response_length", "loss", {"name": "onion", "data": ["nq"]}]},
            "'nq' is not in the benchmark",
        ),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], message: str):
    with pytest.raises(SettingsError, match=message):
        Spec.read(LEAST | change, where="spec")


def test_all_that_is_wrong_is_said_in_one_line():
    wrong = {
        "data": [{"name": "embedded", "sauce": "x"}],
        "attacks": ["badnet", {"name": "addsent", "settings": {"triger": "x", "plaement": "y"}}],
        "defences": [{"name": "gradsentry", "settings": {"cropp": 3}}],
        "rates": [101],
        "rowss": 3,
    }
    with pytest.raises(SettingsError) as caught:
        Spec.read(wrong, where="spec")
    line = caught.value.line()
    for told in (
        "data.0.sauce: no such key (did you mean `source`?)",
        "attacks: no attack is named 'badnet'; did you mean `badnets`",
        "attack addsent: triger: no such key (did you mean `trigger`?); plaement: no such key",
        "defences: defence gradsentry: cropp: no such key; did you mean `crop`? known keys: crop, k, tau",
        "rates.0: Input should be less than or equal to 100 (given: 101)",
        "rowss: no such key (did you mean `rows`?)",
        "known keys of data.0: name, label, source,",
    ):
        assert told in line
    assert "at least 1 item" not in line


def test_a_rate_that_is_no_row_of_a_small_data_set_is_none_of_its_cells():
    small = {"name": "small", "rows": 20}
    spec = Spec.read(LEAST | {"data": ["webqa", small], "rates": [0, 1, 10]}, where="spec")
    rates = {
        data: [c.rate for c in plan(spec) if (c.data.name, c.defence.name) == (data, "loss")]
        for data in ("webqa", "small")
    }
    assert rates == {"webqa": [0.0, 1.0, 10.0], "small": [0.0, 10.0]}


def test_names_alone_will_do_and_the_rest_has_defaults():
    spec = Spec.read(LEAST, where="spec")
    assert spec.data[0].shown == "webqa"
    assert len(spec.rates) == 10
    assert {"response_length", "loss"} <= {one.name for one in spec.defences}


def test_clean_data_is_one_cell_for_all_attacks():
    spec = Spec.read({"data": ["a"], "attacks": ["badnets", "addsent"], "rates": [0, 10]}, where="spec")
    cells = [cell for cell in plan(spec) if cell.defence.name == "loss"]
    assert [(cell.rate, cell.attack and cell.attack.name) for cell in cells] == [
        (0.0, None),
        (10.0, "badnets"),
        (10.0, "addsent"),
    ]


def test_a_defence_runs_at_its_own_rates_and_ablations_vary_ours():
    spec = Spec.read(
        LEAST
        | {
            "defences": ["response_length", "loss", {"name": "onion", "rates": [10]}],
            "rates": [1, 10],
            "ablations": {"k": [4, 8], "samples": [100]},
        },
        where="spec",
    )
    cells = plan(spec)
    assert [cell.rate for cell in cells if cell.defence.name == "onion"] == [10.0]
    variants = [cell.defence.label for cell in cells if cell.study != "grid"]
    assert variants == ["k=4", "k=8", "samples=100"]


def test_data_sets_and_defences_choose_their_attacks():
    spec = Spec.read(
        {
            "data": ["one", {"name": "two", "attacks": ["addsent"]}],
            "attacks": ["badnets", "addsent"],
            "defences": [
                "response_length",
                "loss",
                {"name": "onion", "data": ["one"], "attacks": ["badnets"]},
            ],
            "rates": [10],
        },
        where="spec",
    )
    planned = [(cell.defence.name, cell.data.name, cell.attack.name) for cell in plan(spec) if cell.attack]
    assert planned == [
        ("response_length", "one", "badnets"),
        ("response_length", "one", "addsent"),
        ("response_length", "two", "addsent"),
        ("loss", "one", "badnets"),
        ("loss", "one", "addsent"),
        ("loss", "two", "addsent"),
        ("onion", "one", "badnets"),
    ]


@pytest.mark.parametrize("name", ["paper", "smoke", "reduced", "finetune", "finetune_reduced"])
def test_the_specs_that_ship_are_valid(name: str):
    Spec.read_yaml(BENCHMARKS / f"{name}.yaml")
