"""Writes docs/performance.md from benchmarks/speed.json; every measured number on the page comes out of it.

python benchmarks/speed_page.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "speed.json"
PAGE = ROOT / "docs" / "performance.md"
# Corpus: what (a)/(c) should reach, and what (c) may take of the time of (b).
WANTED = {"webqa": (5.0, 0.6), "webqa bfloat16": (10.0, 0.6), "nq": (2.5, 1.15), "alpaca": (2.5, 1.15)}
NOT_FORWARD = 0.15
PHASES = ("tokenise", "forward", "head", "spectrum", "write", "rest")


def page(results: dict[str, Any]) -> str:
    """Returns docs/performance.md."""
    machine = results["machine"]
    parts = [
        "# Performance",
        f"Measured with {machine['model']} on {machine['threads']} threads of an {machine['processor']}, "
        f"torch {machine['torch']}, by parts of `make bench-speed` (`python benchmarks/speed.py --parts ways "
        "--corpora webqa --json benchmarks/speed.json`, and so on). `benchmarks/speed_page.py` "
        "writes this page from `benchmarks/speed.json`.",
        "## Side by side",
        "One process runs the ways over the same rows, taking turns; figures are medians over the rounds. "
        "(a) is the published way: autograd's gradient of the output projection, its corner, "
        "`torch.svd_lowrank`, one row at a time; it runs on every n-th row. (b) is a bare forward pass over "
        "the same tokens in batches of like length. (c) is all that a scan does, from text to shards.",
        _ways(results["ways"]),
        "Where our time goes. The head is the logits of the response positions and their normaliser, a "
        "matrix product that (b) does for every position; rest is what no phase holds.",
        _phases(results["ways"]),
        "Where a/c is missed, the phases say why: little is shared, so the forward pass that (a) "
        "runs as well is nearly all of the time, and what (a) does beyond it bounds the ratio.",
    ]
    if any("bfloat16" in corpus for corpus in results["ways"]):
        parts.append(
            "bfloat16 pays where the processor has instructions for it; this one lacks them, torch's "
            "stand-ins are slower than float32 for all ways alike, and so few rows were run."
        )
    for name, section in (
        ("profile", _profile),
        ("rows", _rows),
        ("head", _head),
        ("thresholds", _thresholds),
        ("startup", _startup),
        ("padding", _padding),
    ):
        if name in results:
            parts.append(section(results[name]))
    return "\n\n".join(parts) + "\n"


def _ways(ways: dict[str, Any]) -> str:
    rows = []
    for corpus, found in ways.items():
        table = found["table"]
        speedup, share = WANTED.get(corpus, (None, None))
        rows.append(
            [
                corpus,
                f"{found['rows']}",
                f"{found['tokens']:.0f} / {found['responses']:.0f}",
                *(f"{figures['rows_per_second']:.2f}" for figures in table.values()),
                f"{found['a/c']:.2f}",
                f"{found['c/b']:.2f}",
                _met(found["a/c"], speedup, at_least=True),
                _met(found["c/b"], share, at_least=False),
                f"{table['c gradsentry']['peak_mb']:.0f}",
            ]
        )
    names = list(next(iter(ways.values()))["table"])
    heads = ["corpus", "rows", "tokens / of response", *(f"{name}, rows/s" for name in names)]
    return _table([*heads, "a/c", "c/b", "a/c wanted", "c/b wanted", "c, peak MB"], rows)


def _met(found: float, wanted: float | None, *, at_least: bool) -> str:
    if wanted is None:
        return ""
    met = found >= wanted if at_least else found <= wanted
    return f"{'>=' if at_least else '<='} {wanted:g}: {'met' if met else '**missed**'}"


def _phases(ways: dict[str, Any]) -> str:
    rows = [
        [
            corpus,
            *(f"{100 * found['phases'][name]:.1f} %" for name in PHASES),
            _met(round(1 - found["phases"]["forward"], 3), NOT_FORWARD, at_least=False),
        ]
        for corpus, found in ways.items()
    ]
    return _table(["corpus", *PHASES, "all but forward, wanted"], rows)


def _rows(found: dict[str, Any]) -> str:
    table = _table(
        ["rows", "seconds", "peak MB"],
        [[f"{p['rows']}", f"{p['seconds']:.2f}", f"{p['peak_mb']:.0f}"] for p in found["points"]],
    )
    return (
        "## Growth with rows\n\nText to scores with a tiny random model, so that all the rest shows. Time "
        f"grows with the {found['slope']:.2f}th power of the rows (wanted 1.0 +- 0.05).\n\n{table}"
    )


def _head(found: dict[str, Any]) -> str:
    def table(part: dict[str, Any], by: str) -> str:
        return _table(
            [by, "seconds", "peak MB"],
            [[f"{p[by]}", f"{p['seconds']:.4f}", f"{p['peak_mb']:.0f}"] for p in part["points"]],
        )

    largest = found["largest"]
    return (
        "## Growth of head and spectrum\n\nOne row, a head of random weights of width 576, the corner. Over "
        f"the response's length time grows with power {found['length']['slope']:.2f}:\n\n"
        f"{table(found['length'], 'tokens')}\n\nOver the vocabulary, 64 tokens, with power "
        f"{found['vocabulary']['slope']:.2f}:\n\n{table(found['vocabulary'], 'vocabulary')}\n\n"
        f"{largest['tokens']} tokens over {largest['vocabulary']} entries, whose logits would fill "
        f"{largest['tokens'] * largest['vocabulary'] * 4 / 2**20:.0f} MB, take {largest['seconds']:.1f} s; "
        f"the process, head included, peaked at {largest['peak_mb']:.0f} MB."
    )


def _thresholds(found: Sequence[dict[str, float]]) -> str:
    rows = [[f"{point['scores']:,}".replace(",", " "), f"{point['seconds']:.2f}"] for point in found]
    wanted = "One million under 1 s and ten million under 5 s were wanted."
    return f"## Thresholds\n\n{wanted}\n\n{_table(['scores', 'seconds'], rows)}"


def _startup(found: dict[str, float]) -> str:
    return (
        f"## Start-up\n\n`gradsentry --help` answers in {found['help']:.2f} s (wanted under 0.3), the "
        f"embedded model is ready {found['embedded_model']:.1f} s after the process began (wanted under 3). "
        f"{found['libraries']:.1f} s of it a process needs to import PyTorch and the model's class from "
        "transformers, and do nothing."
    )


def _profile(found: dict[str, dict[str, float]]) -> str:
    kinds = ("products", "attention", "other")
    rows = [
        [corpus, *(f"{100 * one[kind]:.0f} %" for kind in kinds), f"{one['rate']:.0f}", f"{one['bare']:.0f}"]
        for corpus, one in found.items()
    ]
    return (
        "## Profile\n\nWhat bounds (c), by `python benchmarks/speed.py --parts profile`: matrix products, "
        "whose rate, in 10^9 operations a second, is held against that of a bare product of the model's "
        "shape in the same process. (a) needs the same products for its forward pass.\n\n"
        + _table(["corpus", "matrix products", "attention", "other", "their rate", "bare rate"], rows)
    )


def _padding(found: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            point["corpus"],
            f"{point['rows']}",
            f"{100 * point['run_once']:.0f} %",
            f"{100 * point['packed']:.1f} %",
            f"{100 * point['attention']:.0f} %",
            f"{100 * point['padded']:.1f} %",
        ]
        for point in found
    ]
    heads = ["corpus", "rows", "run once", "padding", "of attention scores", "in padded batches"]
    return (
        "## Padding\n\nThe share of tokens that are run for nothing, over windows of a shard (512 rows); "
        "under 5 % was wanted. Packs hold no padding; their attention, a twentieth of the time, does where "
        "rows of unlike length share a call. The last column is for models that take no packs.\n\n"
        + _table(heads, rows)
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page(json.loads(KEPT.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
