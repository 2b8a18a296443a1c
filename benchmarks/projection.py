"""What a million rows cost: measured here with the embedded model, and projected by operations to 7B on GPUs.

    python benchmarks/projection.py

Operations of a row: two for each weight of the layers and each token that is run (what rows share runs once),
two for each weight of the head and each response token, and attention's. Rates and shares of tokens are those
of `benchmarks/speed.json`; how much of a GPU's peak is reached is assumed, not measured.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

MEASURED = Path(__file__).with_name("speed.json")
REACHED = 0.4  # of a GPU's peak
# Dense bfloat16, in 10^12 operations a second, by their makers' data sheets; gigabytes of memory.
GPUS = {"H100 SXM": (989, 80), "A100": (312, 80), "L40S": (362, 48), "RTX 4090": (165, 24), "L4": (121, 24)}


@dataclass(frozen=True)
class Shape:
    """A model's shape: width, layers, width of keys, of the feed-forward part, and vocabulary."""

    width: int
    layers: int
    keys: int
    inner: int
    vocabulary: int

    @property
    def weights(self) -> int:
        """Of all layers."""
        return self.layers * self.width * (2 * self.width + 2 * self.keys + 3 * self.inner)

    def operations(self, tokens: float, run: float, responses: float) -> float:
        """Returns those of a row of so many tokens, of which so many are run, and of so many of response."""
        attention = self.layers * 2 * self.width * run * tokens
        return 2 * self.weights * run + attention + 2 * self.width * self.vocabulary * responses


EMBEDDED = Shape(576, 30, 192, 1536, 49_152)
SEVEN = Shape(4096, 32, 4096, 11_008, 32_000)


def main() -> None:
    """Prints two tables in Markdown."""
    found = json.loads(MEASURED.read_text(encoding="utf-8"))
    once = {one["corpus"]: one["run_once"] for one in found["padding"]}
    once["alpaca"] = once["alpaca_en_demo"]
    rows = {}
    print("| corpus | tokens, run | response | rows/s here | hours a million rows | 10^9 operations/s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in ("webqa", "nq", "alpaca"):
        measured = found["ways"][name]
        tokens, responses = measured["tokens"], measured["responses"]
        rows[name] = tokens, tokens * (1 - once[name]), responses
        rate = measured["table"]["c gradsentry"]["rows_per_second"]
        done = rate * EMBEDDED.operations(*rows[name]) / 1e9
        print(
            f"| {name} | {tokens:.0f}, {rows[name][1]:.0f} | {responses:.0f} | {rate:.1f} "
            f"| {1e6 / rate / 3600:.0f} | {done:.0f} |"
        )
    rows["2048 tokens"] = 2048.0, 2048.0, 512.0
    print(f"\n| 7B, hours a million rows | {' | '.join(rows)} |")
    print(f"| --- |{' --- |' * len(rows)}")
    for name, (peak, memory) in GPUS.items():
        hours = (1e6 * SEVEN.operations(*row) / (REACHED * peak * 1e12) / 3600 for row in rows.values())
        print(f"| {name}, {memory} GB | {' | '.join(f'{one:.1f}' for one in hours)} |")


if __name__ == "__main__":
    main()
