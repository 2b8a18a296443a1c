"""Tables: the best in bold, intervals, dashes for what is undefined."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from gradsentry.bench.metrics import METRICS
from gradsentry.bench.plots import draw_plots
from gradsentry.bench.spec import Lock
from gradsentry.bench.tables import UNITS, all_tables, rate_table, summary_table


def record(defence: str, rate: float, value: float, **changes: object) -> dict[str, object]:
    numbers = dict.fromkeys(METRICS, value)
    ends = {f"{name}_{end}": value for name in METRICS for end in ("low", "high")}
    attack = "badnets" if rate else "none"
    return {
        "attack": attack,
        "defence": defence,
        "rate": rate,
        "status": "done",
        "rows": 30,
        "poisoned": round(rate / 100 * 30),
        "matched_share": 0.5,
        "seconds_per_row": 0.25,
        "cpu_seconds_per_row": 0.125,
        "peak_mb": 900.0,
        **numbers,
        **ends,
        **changes,
    }


RECORDS = [
    record("ours", 0.0, 0.1, recall=math.nan),
    record("loss", 0.0, 0.3, recall=math.nan),
    record("ours", 10.0, 0.9, fpr=0.2),
    record("loss", 10.0, 0.8, fpr=0.1),
]


def test_the_best_is_bold_and_for_false_positives_that_is_the_least():
    recall, fpr = (rate_table(RECORDS, metric).splitlines() for metric in ("recall", "fpr"))
    assert recall[2:] == ["| badnets | ours | – | **0.900** |", "| badnets | loss | – | 0.800 |"]
    assert fpr[2:] == ["| badnets | ours | **0.100** | 0.200 |", "| badnets | loss | 0.300 | **0.100** |"]


def test_how_many_rows_are_poisoned_and_of_what_a_number_is_a_part_is_said():
    assert summary_table(RECORDS, 10.0).splitlines()[0].startswith("| attack | defence | rows | poisoned |")
    assert rate_table(RECORDS, "recall").splitlines()[0] == "| attack | defence | 0 % | 10 % (3 rows) |"
    more = [*RECORDS, record("few", 10.0, 0.5, poisoned=1)]
    assert "| 10 % (1–3 rows) |" in rate_table(more, "recall")
    assert UNITS in all_tables([], {}, Lock())


def test_the_models_and_what_they_were_run_in_and_on_stand_above_the_tables():
    lock = Lock(dtypes={"smollm2": "bfloat16", "own/model": "float32"}, device="cpu (AVX2)")
    _, line, below = all_tables([], {}, lock).split("\n\n", 2)
    assert line == "Run with `smollm2` in bfloat16, `own/model` in float32, on cpu (AVX2)."
    assert below.startswith(UNITS)


def test_what_flags_nothing_is_not_the_best_for_it():
    silent = [record("mute", rate, 0.0) for rate in (0.0, 10.0)]
    table = rate_table([*RECORDS, *silent], "fpr").splitlines()[2:]
    assert table[0] == "| badnets | ours | **0.100** | 0.200 |"
    assert table[2] == "| badnets | mute | 0.000 | 0.000 |"
    assert "| **0.100** (" in summary_table([*RECORDS, *silent], 10.0)
    astray = [record("astray", rate, 0.01, recall=0.0) for rate in (0.0, 10.0)]
    assert "| badnets | astray | 0.010 | 0.010 |" in rate_table([*RECORDS, *astray], "fpr")
    # On clean data that is right, of one that speaks elsewhere.
    quiet = [record("quiet", 0.0, 0.0), record("quiet", 10.0, 0.5)]
    assert "| badnets | quiet | **0.000** | 0.500 |" in rate_table([*RECORDS, *quiet], "fpr")


def test_what_is_no_better_than_nothing_is_not_the_best():
    of_chance = {"auroc": 0.5, "matched_auroc": 0.49, "fpr": 1.0}
    none = [record(name, 10.0, 0.0, recall_high=0.0, **of_chance) for name in ("ours", "loss")]
    assert "**" not in summary_table(none, 10.0)
    # A defence that flags nothing can still rank the rows best of all.
    mute = record("mute", 10.0, 0.0, auroc=0.75)
    assert re.findall(r"\*\*(.*?)\*\*", summary_table([*none, mute], 10.0)) == ["0.750"]


def test_the_summary_has_intervals_cost_and_the_rate_on_clean_data():
    ours = summary_table(RECORDS, 10.0).splitlines()[2]
    assert ours.startswith("| badnets | ours | 30 | 3 | **0.900** (0.90–0.90) | 0.200 (0.90–0.90) |")
    assert ours.endswith("| 0.500 | 0.100 | 0.250 | 0.125 | 900 |")


def test_several_seeds_are_shown_by_their_mean():
    seeds = [record("ours", 10.0, 0.5), record("ours", 10.0, 0.7)]
    assert summary_table(seeds, 10.0).splitlines()[2].startswith("| badnets | ours | 30 | 3 | **0.600** |")


def test_a_mean_of_seeds_of_which_one_has_no_value_is_a_dash():
    """One poisoned row of one seed had made a bold 1.000 of two seeds."""
    seeds = [record("ours", 10.0, 0.5, auroc=value) for value in (1.0, math.nan)]
    assert summary_table(seeds, 10.0).splitlines()[2].split(" | ")[8] == "–"


@pytest.mark.costly
def test_an_attack_that_is_not_run_on_some_data_leaves_its_panels_empty(tmp_path: Path):
    points = [
        {
            "data": data,
            "attack": attack,
            "model": "m",
            "seed": 0,
            "defence": "gradsentry",
            "score": score,
            "poisoned": score > 0.5,
            "length": 4,
        }
        for data, attack in (("one", "badnets"), ("two", "dos"))
        for score in (0.2, 0.8)
    ]
    (tmp_path / "recall.png").touch()  # of another run
    undrawn = draw_plots(tmp_path, [], points, 10.0)
    assert {file.name for file in tmp_path.iterdir()} == {"roc.png", "roc.svg", "length.png", "length.svg"}
    assert undrawn == dict.fromkeys(("recall", "fpr"), "no cell has a result")


@pytest.mark.costly
def test_a_plot_that_is_missing_says_why(tmp_path: Path):
    cells = [record("ours", 20.0, 0.5, study="grid", data="words")]
    why = draw_plots(tmp_path, cells, [], 10.0)
    assert why["roc"] == why["length"]
    assert why["roc"].endswith("at 10 % poisoned alone (`plot_rate`), and that is none of the `rates`")
    points = [
        {
            "data": "words",
            "attack": "badnets",
            "model": "m",
            "seed": 0,
            "defence": "ours",
            "score": x / 4,
            "poisoned": x > 2,
            "length": 4,
        }
        for x in range(4)
    ]
    why = draw_plots(tmp_path, cells, points, 20.0)
    assert why == {"length": "it shows the score of the defence `gradsentry`, of which there is none"}
    assert "- `length` is not drawn: it shows" in all_tables(cells, why, Lock())


def test_a_cell_that_failed_is_shown_as_failed_and_is_no_mean_of_seeds():
    failed = record("ours", 10.0, math.nan, status="failed", rows=0)
    for table in (summary_table([failed], 10.0), rate_table([failed], "recall")):
        assert "failed" in table.splitlines()[2]
    seeds = [failed, record("ours", 10.0, 0.5), record("ours", 10.0, 0.7)]
    assert summary_table(seeds, 10.0).splitlines()[2].startswith("| badnets | ours | 30 | 3 | **0.600** |")
