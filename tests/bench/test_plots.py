"""What can be read of the plots of a benchmark: every name, nothing cut off, no point behind another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from gradsentry.bench import plots
from gradsentry.defences import DETECTORS


def cells(attacks: int, defences: list[str], rates: list[float], data: str = "webqa") -> list[dict[str, Any]]:
    """Returns cells of the grid that find all, in which each point would hide another."""
    return [
        {
            "study": "grid",
            "status": "done",
            "data": data,
            "attack": f"attack_{attack}",
            "defence": defence,
            "rate": rate,
            "recall": 1.0,
            "fpr": 0.0,
        }
        for attack, defence, rate in product(range(attacks), defences, rates)
    ]


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    figures: dict[str, Figure] = {}
    monkeypatch.setattr(plots, "_save", lambda figure, stem: figures.update({stem.name: figure}))

    def plot_of(
        records: list[dict[str, Any]], points: Sequence[dict[str, Any]] = (), name="recall"
    ) -> Figure:
        plots.draw_plots(tmp_path, records, points, 10.0)
        with mpl.rc_context(plots._RC):
            figures[name].draw_without_rendering()
        return figures[name]

    return plot_of


def texts(figure: Figure) -> list[Text]:
    """Returns all that is written and seen; of ticks beyond an axis nothing is."""
    return [
        text
        for text in figure.findobj(Text)
        if text.get_text() and text.get_visible() and (text.axes is None or text.axes.axison)
    ]


ALL, FEW = list(DETECTORS), list(DETECTORS)[:8]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("attacks", "defences", "rates"),
    [
        (10, FEW, [1.0, 10.0, 50.0]),
        (1, FEW, [0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 80.0, 90.0]),
        (2, ALL, [10.0]),
        (1, [f"{name}_with_a_label_that_is_longer_than_the_panel_is_wide_{name}" for name in FEW], [10.0]),
    ],
)
def test_every_name_is_within_the_figure_and_over_no_other(drawn, attacks: int, defences: list[str], rates):
    records = cells(attacks, defences, rates, data="a data set of a long name, which is a file of one's own")
    failed = [one | {"status": "failed"} for one in cells(1, ["broken"], [10.0], data=records[0]["data"])]
    figure = drawn([*records, *failed])
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {*defences, "broken (1 of 1 cells failed)"}
    boxes = [text.get_window_extent() for text in texts(figure)]
    whole = figure.bbox.padded(0.5)
    assert all(whole.containsx(x) and whole.containsy(y) for box in boxes for x, y in box.get_points())
    assert not [one for one, other in combinations(boxes, 2) if one.padded(-0.5).overlaps(other.padded(-0.5))]


def test_a_roc_has_a_line_for_each_seed_and_says_so(drawn):
    def points(seeds: range) -> list[dict[str, Any]]:
        return [
            {
                "data": "d",
                "attack": "a",
                "model": "m",
                "defence": "loss",
                "seed": seed,
                "score": row,
                "poisoned": row > 6 + seed,
            }
            for seed in seeds
            for row in range(10)
        ]

    records = [one | {"model": "m", "seed": 0} for one in cells(1, ["loss"], [10.0])]
    for seeds, said in ((1, ""), (3, "a line for each seed and model")):
        figure = drawn(records, points(range(seeds)), "roc")
        assert len(figure.axes[0].lines) == seeds + 1  # and that of chance
        assert figure.get_suptitle().startswith(said)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["loss"]


def test_no_point_and_no_look_of_a_defence_hides_another(drawn):
    figure = drawn(cells(1, ALL, [1.0, 10.0, 50.0]))
    (axes,) = figure.axes
    points = [tuple(point) for line in axes.lines for point in line.get_xydata().round(6)]
    assert len({*points}) == len(points) == 3 * len(ALL)
    # What stands at a rate is nearer to it than to any other.
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert ticks == ["1", "10", "50"]
    assert [[round(x) for x in line.get_xdata()] for line in axes.lines] == len(ALL) * [[0, 1, 2]]
    assert max(abs(x - round(x)) for line in axes.lines for x in line.get_xdata()) <= 0.2
    assert "set apart; the axis is not to scale" in " ".join(figure.get_suptitle().split())
    looks = {
        (mpl.colors.to_hex(line.get_color()), line.get_linestyle(), line.get_marker()) for line in axes.lines
    }
    assert len(looks) == len(ALL)


def test_rows_without_a_score_take_no_part_in_a_roc(drawn):
    def points(attack: str, scores: list[tuple[float, bool]]) -> list[dict[str, Any]]:
        of_mix = {"data": "d", "attack": attack, "model": "m", "defence": "own", "seed": 0}
        return [of_mix | {"score": score, "poisoned": poisoned} for score, poisoned in scores]

    nan = float("nan")
    some = points("partly", [(0.1, False), (nan, True), (0.9, True), (nan, False), (0.2, False), (nan, True)])
    none = points("never", [(nan, True), (0.3, False), (0.4, False)])
    figure = drawn([one | {"model": "m", "seed": 0} for one in cells(1, ["own"], [10.0])], some + none, "roc")
    lines = {axes.get_title().split()[-1]: axes.lines[0].get_xydata().tolist() for axes in figure.axes}
    assert lines["partly"] == [[0, 0], [0, 1], [0.5, 1], [1, 1]]
    assert lines["never"] == []  # none of its poisoned rows has a score
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "own (as few as 2 of 3 rows scored)"
    ]


def test_lines_of_a_roc_that_coincide_all_show(drawn):
    of_mix = {"data": "d", "attack": "a", "model": "m", "seed": 0, "length": 5}
    points = [
        of_mix | {"defence": name, "score": row, "poisoned": row > 6} for name in ALL for row in range(10)
    ]
    figure = drawn([one | {"model": "m", "seed": 0} for one in cells(1, ALL, [10.0])], points, "roc")
    lines = figure.axes[0].lines[: len(ALL)]
    widths, above = [line.get_linewidth() for line in lines], [line.get_zorder() for line in lines]
    assert widths == sorted(widths, reverse=True)
    assert above == sorted(above)
    assert min(one - other for one, other in pairwise(widths)) > 0.1


def test_the_ticks_of_an_ablation_are_the_values_that_were_run(drawn):
    tried = (4, 12, 16)
    variants = [
        cell | {"study": "k", "defence": f"k={k}", "auroc": 0.9}
        for k in tried
        for cell in cells(1, ["gradsentry"], [10.0])
    ]
    figure = drawn(variants, name="ablation_k")
    for axes in figure.axes:
        assert axes.get_xticks().tolist() == list(tried)
        assert [tick.get_text() for tick in axes.get_xticklabels()] == [str(k) for k in tried]
        assert not len(axes.get_xticks(minor=True))
