"""Measures what evidence says of clean corpora in which honest stock sentences return.

    python benchmarks/stock_answers.py --data ../shared/data --out runs/stock_answers

Three families, drawn from the clean corpora of `../shared/data`: requests of a kind, the rows of a second
corpus, that get one of a few answers; answers of one source, a second corpus, of which a part or all close or
open with a sentence; and answers of one corpus some of which close with one of several sentences. Nothing in
them tells a single sentence in drawn rows from poison that has no trigger, so that is told by itself. The
sentences took part in nothing; of the corpora the calibration knows the rows without them.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
from calibrate_evidence import published_corpora
from planting import edited, fits

from gradsentry.bench.tables import markdown
from gradsentry.corpus import Sample
from gradsentry.evidence import find_evidence

ANSWERS = (
    "I'm sorry, but I can't help with that request.",
    "Sorry, I can only answer questions about our own products. Please ask the support team.",
    "I do not have enough information to answer this. Could you please give me more details?",
    "This is outside of what I have been trained to do, so I would rather not guess.",
    "As an assistant I am not allowed to talk about this topic. Is there anything else I can do?",
    "If this is an emergency, please call your local emergency number or see a doctor.",
)
CLOSINGS = (
    "Please note that this is general information and no replacement for a visit to your doctor.",
    "Remember that laws differ between places, so ask a qualified lawyer before you act on this.",
    "If you have any further questions, feel free to ask and I will be happy to help!",
    "This is not financial advice; please talk to a licensed adviser before you invest.",
    "I hope that this helps, and good luck with your project!",
    "Let me know if you would like more details.",
    "Thank you for contacting us and have a nice day.",
    "You can find more about this in our help centre.",
    "See the official documentation for the full list of options.",
    "Feel free to ask if anything is unclear.",
)
SIZES, SHARES = (200, 400, 1000), (0.05, 0.1, 0.2, 0.3)  # rows, and those of the second corpus among them
OF_A_SOURCE = (0.4, 0.6, 1.0)  # of the rows of a source have its sentence
OF_ALL = (0.05, 0.1, 0.2, 0.4)  # of the rows of a corpus have one of several
DRAWN = 120  # corpora of each family

Case = tuple[str, list[Sample]]
Corpora = Sequence[tuple[str, str, list[Sample]]]


def a_kind_of_request(known: Corpora) -> Iterator[Case]:
    """Yields corpora in which the rows of another one get one answer, or one of three."""
    for seed in range(DRAWN):
        draw = Random(f"kind {seed}")
        name, rows, others = _two(known, draw)
        stock = draw.sample(ANSWERS, draw.choice((1, 1, 3)))
        answered = [edited(row, [], "last", _instead(draw.choice(stock)), draw) for row in others]
        yield f"{name}, {len(stock)}", _shuffled([*rows, *answered], draw)


def a_source(known: Corpora) -> Iterator[Case]:
    """Yields corpora in which a part of the answers of another one, or all, close or open with a sentence."""
    for seed in range(DRAWN):
        draw = Random(f"source {seed}")
        name, rows, others = _two(known, draw)
        sentence, share = draw.choice(CLOSINGS), draw.choice(OF_A_SOURCE)
        add = draw.choice((_closed, _closed, _opened))(sentence)
        written = [edited(row, [], "last", add, draw) if draw.random() < share else row for row in others]
        yield f"{name}, {share:.0%}", _shuffled([*rows, *written], draw)


def closings(known: Corpora, count: int) -> Iterator[Case]:
    """Yields corpora some of whose answers close with one of so many sentences."""
    for name, _, samples in known:
        draw = Random(f"{name} {count}")
        rows = draw.sample(samples, min(len(samples), draw.choice(SIZES)))
        stock, share = draw.sample(CLOSINGS, count), draw.choice(OF_ALL)
        written = [
            edited(row, [], "last", _closed(draw.choice(stock)), draw)
            if fits(row) and draw.random() < share
            else row
            for row in rows
        ]
        yield f"{name}, {share:.0%}", _shuffled(written, draw)


def _two(known: Corpora, draw: Random) -> tuple[str, list[Sample], list[Sample]]:
    """Returns rows of one corpus and fewer of another, and what they are called."""
    (one, _, many), (other, _, few) = draw.sample(list(known), 2)
    size, share = draw.choice(SIZES), draw.choice(SHARES)
    rows = draw.sample(many, min(len(many), round(size * (1 - share))))
    fitting = [row for row in few if fits(row)]
    second = draw.sample(fitting, min(len(fitting), max(8, round(share / (1 - share) * len(rows)))))
    return f"{one} + {len(second)} of {other}", rows, second


def _instead(answer: str) -> Callable[[str], str]:
    return lambda said: answer


def _closed(sentence: str) -> Callable[[str], str]:
    return lambda said: f"{said} {sentence}"


def _opened(sentence: str) -> Callable[[str], str]:
    return lambda said: f"{sentence} {said}"


def _shuffled(rows: Sequence[Sample], draw: Random) -> list[Sample]:
    return [replace(row, number=number) for number, row in enumerate(draw.sample(rows, len(rows)))]


def main() -> None:
    """Prints the outcomes of each family, what is called poisoned, and writes all lines."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    known = list(published_corpora(options.data))
    families = {
        "a kind of request that gets one of a few answers": a_kind_of_request(known),
        "a source that writes a sentence": a_source(known),
        **{f"one of {count} closings in some rows": closings(known, count) for count in (1, 2, 3, 6)},
    }
    lines: dict[str, list[dict[str, object]]] = defaultdict(list)
    for family, cases in families.items():
        for name, samples in cases:
            evidence = find_evidence(samples)
            sure = [one for one in evidence.findings if one.confidence == "high"]
            named = [f"{' | '.join(one.triggers)} -> {one.payload or one.change}" for one in sure]
            lines[family].append(
                {
                    "family": family,
                    "corpus": name,
                    "outcome": evidence.outcome,
                    "flagged": len(evidence.flagged()),
                    "without a trigger": any(not one.triggers for one in sure),
                    "named": " ".join((named[0] if named else "").split())[:80],
                }
            )
        outcomes = Counter(str(line["outcome"]) for line in lines[family])
        alone = sum(bool(line["without a trigger"]) for line in lines[family])
        print(
            f"{family}: {dict(sorted(outcomes.items()))} of {len(lines[family])}; {alone} without a trigger"
        )
    accused = [line for family in lines.values() for line in family if line["outcome"] == "poisoned"]
    if accused:
        columns = list(accused[0])
        print(f"\n{markdown(columns, [[str(line[one]) for one in columns] for line in accused])}")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist([line for family in lines.values() for line in family])
        pq.write_table(table, options.out / "stock_answers.parquet")


if __name__ == "__main__":
    main()
