"""Data -> HTML: one file that needs no network, in which nothing but what is written here can run.

The page's Content-Security-Policy names the scripts and the styles by their hashes, so markup that came from
the data could neither run nor load anything, even if it were not escaped. It is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gradsentry.report.comparison import Comparison
from gradsentry.report.pieces import pieces
from gradsentry.report.view import view
from gradsentry.store import Json, RunDirectory

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

REPORT = "report.html"
_STYLES = ("uplot/uPlot.min.css", "page.css")
_LIBRARY = "uplot/uPlot.iife.min.js"
_SCRIPTS = ("dom.js", "choice.js", "plots.js", "map.js", "marks.js", "table.js", "csv.js", "page.js")


def write_report(run: RunDirectory, verdict: Decision, comparison: Comparison | None = None) -> None:
    """Writes `report.html` into the run directory.

    Args:
        run: The run directory; the verdict's other files are there.
        verdict: The verdict.
        comparison: The verdict beside the truth, where that is known.
    """
    run.write_bytes(REPORT, render(view(verdict, run, comparison)).encode("utf-8", "replace"))


def render(shown: Json) -> str:
    """Returns the page of a view."""
    style, library, script = _assets()
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            shown,
            csp=_policy(style, library, script),
            style=style,
            library=library,
            script=script,
            json=_inert(shown["data"]),
        )
    )


def page(template: str, shown: Json) -> bytes:
    """Returns a page without scripts."""
    style, _, _ = _assets()
    made = _environment().get_template(template).render(shown, csp=_policy(style), style=style)
    return made.encode("utf-8", "replace")


@cache  # for it keeps what it compiled of the templates, which takes longer than all else of a page
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gradsentry.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = "{:,}".format
    environment.filters["pieces"] = pieces
    return environment


def _policy(style: str, *scripts: str) -> str:
    """Returns the Content-Security-Policy of a page that holds these."""
    sources = " ".join(_source(script) for script in scripts) or "'none'"
    return (
        f"default-src 'none'; script-src {sources}; style-src {_source(style)}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


@cache
def _assets() -> tuple[Markup, Markup, Markup]:
    """Returns the styles, the plotting library and the page's own script."""
    folder = files("gradsentry.report") / "assets"

    def joined(*names: str) -> str:
        return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)

    # In a function of their own, the page's names are nobody else's.
    own = f'(() => {{\n"use strict";\n{joined(*_SCRIPTS)}}})();'
    # Files of this package, and nothing of the data.
    return Markup(joined(*_STYLES)), Markup(joined(_LIBRARY)), Markup(own)  # noqa: S704


def _source(content: str) -> str:
    """Returns what names a script or a style in a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _inert(value: Json) -> Markup:
    """Returns JSON that ends no script element and begins no markup, whatever it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    inert = text.translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})
    return Markup(inert)  # noqa: S704
