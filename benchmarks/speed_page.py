"""Writes docs/performance.md from benchmarks/speed.json, and what was hoped for into docs/targets.md.

    python benchmarks/speed_page.py

Every measured number on the pages comes out of that file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sections import with_section

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "speed.json"
PAGE = ROOT / "docs" / "performance.md"
TARGETS = ROOT / "docs" / "targets.md"
# Corpus: what (a)/(c) should reach, and what (c) may take of the time of (b).
WANTED = {"webqa": (5.0, 0.6), "webqa bfloat16": (10.0, 0.6), "nq": (2.5, 1.15), "alpaca": (2.5, 1.15)}
NOT_FORWARD = 0.15
SLOPE = 0.05
PADDING = 0.05
# Scores: seconds for a threshold. Start-up: seconds.
THRESHOLDS = {1_000_000: 1.0, 10_000_000: 5.0}
HELP, EMBEDDED = 0.3, 3.0
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
        "Where a/c is small, the phases say why: little is shared, so the forward pass that (a) "
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
        rows.append(
            [
                corpus,
                f"{found['rows']}",
                f"{found['tokens']:.0f} / {found['responses']:.0f}",
                *(f"{figures['rows_per_second']:.2f}" for figures in table.values()),
                f"{found['a/c']:.2f}",
                f"{found['c/b']:.2f}",
                f"{table['c gradsentry']['peak_mb']:.0f}",
            ]
        )
    names = list(next(iter(ways.values()))["table"])
    heads = ["corpus", "rows", "tokens / of response", *(f"{name}, rows/s" for name in names)]
    return _table([*heads, "a/c", "c/b", "c, peak MB"], rows)


def _phases(ways: dict[str, Any]) -> str:
    rows = [
        [corpus, *(f"{100 * found['phases'][name]:.1f} %" for name in PHASES)]
        for corpus, found in ways.items()
    ]
    return _table(["corpus", *PHASES], rows)


def _rows(found: dict[str, Any]) -> str:
    table = _table(
        ["rows", "seconds", "peak MB"],
        [[f"{p['rows']}", f"{p['seconds']:.2f}", f"{p['peak_mb']:.0f}"] for p in found["points"]],
    )
    return (
        "## Growth with rows\n\nText to scores with a tiny random model, so that all the rest shows. Time "
        f"grows with the {found['slope']:.2f}th power of the rows.\n\n{table}"
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
    return f"## Thresholds\n\nHow long a tau takes to be chosen:\n\n{_table(['scores', 'seconds'], rows)}"


def _startup(found: dict[str, float]) -> str:
    return (
        f"## Start-up\n\n`gradsentry --help` answers in {found['help']:.2f} s, the "
        f"embedded model is ready {found['embedded_model']:.1f} s after the process began. "
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
        "## Padding\n\nThe share of tokens that are run for nothing, over windows of a shard (512 rows). "
        "Packs hold no padding; their attention, a twentieth of the time, does where "
        "rows of unlike length share a call. The last column is for models that take no packs.\n\n"
        + _table(heads, rows)
    )


def targets(results: dict[str, Any]) -> str:
    """Returns what was hoped for beside what was measured, for docs/targets.md."""
    rows = []
    for corpus, found in results["ways"].items():
        speedup, share = WANTED.get(corpus, (None, None))
        if speedup is not None and share is not None:
            rows.append(_target(f"{corpus}, a/c", found["a/c"], at_least=speedup))
            rows.append(_target(f"{corpus}, c/b", found["c/b"], at_most=share))
        rows.append(
            _target(f"{corpus}, all but forward", 1 - found["phases"]["forward"], at_most=NOT_FORWARD)
        )
    if "rows" in results:
        off = abs(results["rows"]["slope"] - 1)
        rows.append(_target("power of the rows by which time grows, less 1", off, at_most=SLOPE))
    for point in results.get("thresholds", ()):
        if (seconds := THRESHOLDS.get(point["scores"])) is not None:
            name = f"seconds for a threshold of {point['scores']:,} scores".replace(",", " ")
            rows.append(_target(name, point["seconds"], at_most=seconds))
    if "startup" in results:
        found = results["startup"]
        rows.append(_target("seconds until `gradsentry --help` answers", found["help"], at_most=HELP))
        rows.append(
            _target("seconds until the embedded model is ready", found["embedded_model"], at_most=EMBEDDED)
        )
    if "padding" in results:
        worst = max(point["packed"] for point in results["padding"])
        rows.append(_target("share of padding, the largest of all corpora", worst, at_most=PADDING))
    return "## Speed\n\nMeasured as [performance.md](performance.md) says.\n\n" + _table(
        ["what", "wanted", "measured", ""], rows
    )


def _target(
    what: str, found: float, *, at_least: float | None = None, at_most: float | None = None
) -> list[str]:
    """Returns a row of the table of targets, of which one is given."""
    if at_least is not None:
        return [what, f"at least {at_least:g}", f"{found:.2f}", "" if found >= at_least else "**missed**"]
    assert at_most is not None
    return [what, f"at most {at_most:g}", f"{found:.2f}", "" if found <= at_most else "**missed**"]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Writes both pages."""
    results = json.loads(KEPT.read_text(encoding="utf-8"))
    PAGE.write_text(page(results), encoding="utf-8")
    text = with_section(TARGETS.read_text(encoding="utf-8"), Path(__file__).name, targets(results))
    TARGETS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
