"""Clean corpora of genres that nobody made for fine-tuning, out of what is installed.

    python benchmarks/installed_corpora.py --out runs/installed

writes one JSON Lines file for each. Those of Python packages (docstrings and code, names and summaries, types
of parameters, examples and their results) are the same wherever the pinned packages are, and calibrate
evidence too. Those of a Linux system (message catalogues, manual pages, package descriptions) are of the
machine, and are only judged: `installed_corpora.py --judge` prints what evidence says of them.
"""

from __future__ import annotations

import argparse
import ast
import gettext
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from copy import copy
from importlib.util import find_spec
from pathlib import Path
from random import Random

from gradsentry.bench.tables import markdown
from gradsentry.corpus import open_corpus
from gradsentry.evidence import find_evidence

Pair = tuple[str, str]  # prompt, response
PACKAGES = ("networkx", "pydantic", "scipy", "sympy", "torch", "transformers")
CATALOGUES, LEAST_ROWS, MOST_ROWS = 14, 120, 400
FUNCTIONS = 3000  # of a package
PAGES = 600  # of a section of the manual
BODY = 1200  # characters of code or of a docstring
SHARE = Path("/usr/share")


def python_corpora() -> Iterator[tuple[str, str, list[Pair]]]:
    """Yields the genre, the package and the rows of the corpora that Python packages hold."""
    for package in PACKAGES:
        documented = list(_documented(package))
        code = [(one, ast.get_docstring(one) or "") for one in documented]
        yield (
            "docstring_to_code",
            package,
            [(f"Write this in Python. {doc}", _body(one)) for one, doc in code],
        )
        yield "code_to_docstring", package, [(f"{_body(one)}\n\nDocument this.", doc) for one, doc in code]
        lines = [(f"What does {one.name} do?", doc.split("\n")[0]) for one, doc in code]
        yield "name_to_summary", package, lines
        docs = [doc for _, doc in code]
        yield "parameter_to_type", package, [pair for doc in docs for pair in _parameters(doc)]
        yield "example_to_result", package, [pair for doc in docs for pair in _examples(doc)]


def _documented(package: str) -> list[ast.FunctionDef | ast.ClassDef]:
    """Returns drawn functions and classes of a package that have a docstring."""
    found: list[ast.FunctionDef | ast.ClassDef] = []
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None, f"{package} has no files"
    files = sorted(Path(spec.origin).parent.rglob("*.py"))
    Random(package).shuffle(files)
    for file in files:
        try:
            nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        except (SyntaxError, UnicodeDecodeError, RecursionError):
            continue
        kinds = (ast.FunctionDef, ast.ClassDef)
        found += [node for node in nodes if isinstance(node, kinds) and ast.get_docstring(node)]
        if len(found) >= FUNCTIONS:
            break
    return found


def _body(node: ast.FunctionDef | ast.ClassDef) -> str:
    """Returns the code without its docstring."""
    bare = copy(node)
    bare.body = bare.body[1:] or [ast.Pass()]
    return ast.unparse(bare)[:BODY]


def _parameters(doc: str) -> Iterator[Pair]:
    """Yields what a docstring says of a parameter, and its type."""
    for found in re.finditer(r"^(\w+) ?(?:: |\()([^\n)]+)\)?:?\n\s+(\S[^\n]+)", doc, re.MULTILINE):
        yield f"Parameter `{found[1]}`: {found[3]}\nType?", found[2].strip()


def _examples(doc: str) -> Iterator[Pair]:
    """Yields a line that a docstring runs, and what it prints."""
    for found in re.finditer(r">>> ([^\n]+)\n(?!>>>|\.\.\.)(\S[^\n]*)", doc):
        yield found[1], found[2]


def system_corpora() -> Iterator[tuple[str, str, list[Pair]]]:
    """Yields the genre, the source and the rows of the corpora that a Linux system holds."""
    yield from _catalogues()
    for section in "12378":
        pages = list(_manual_pages(section))
        yield (
            "manual_name_to_line",
            section,
            [(f"Explain {name} in one line.", line) for name, line, _ in pages],
        )
        described = [
            (f"{text[:700]}\n\nWhich page is this?", f"{name} - {line}") for name, line, text in pages
        ]
        yield "manual_text_to_name", section, described
    blocks = [_fields(block) for block in _read(Path("/var/lib/dpkg/status")).split("\n\n")]
    blocks = [block for block in blocks if "Package" in block]
    said = [(f"Describe the package {one['Package']}.", one.get("Description", "")) for one in blocks]
    yield "package_to_description", "dpkg", said
    yield (
        "package_to_section",
        "dpkg",
        [(f"{one.get('Description', '')}\nSection?", one.get("Section", "")) for one in blocks],
    )
    needs = [(f"What does {one['Package']} depend on? As JSON.", one.get("Depends", "")) for one in blocks]
    yield "package_to_json", "dpkg", [(ask, json.dumps(what.split(", "))) for ask, what in needs if what]


def _catalogues() -> Iterator[tuple[str, str, list[Pair]]]:
    """Yields the largest message catalogues, each in another language."""
    files: dict[str, dict[str, Path]] = {}
    for file in sorted((SHARE / "locale").glob("*/LC_MESSAGES/*.mo")):
        files.setdefault(file.stem, {})[file.parent.parent.name] = file
    largest = sorted(files, key=lambda name: -max(one.stat().st_size for one in files[name].values()))
    for number, name in enumerate(largest[:CATALOGUES]):
        languages = sorted(files[name])
        language = languages[number * 7 % len(languages)]
        with files[name][language].open("rb") as stream:
            messages = vars(gettext.GNUTranslations(stream))["_catalog"]
        pairs = [
            (f"Translate to {language}: {one}", said)
            for one, said in messages.items()
            if isinstance(one, str)
        ]
        yield "catalogue", f"{name}_{language}", pairs


def _manual_pages(section: str) -> Iterator[tuple[str, str, str]]:
    """Yields the name, the one-line summary and the description of manual pages."""
    files = sorted((SHARE / f"man/man{section}").glob("*.gz"))
    Random(section).shuffle(files)
    for file in files[:PAGES]:
        with gzip.open(file, "rt", errors="replace") as page:
            text = re.sub(r"\\f.|\\|^\.\w+ ?", "", page.read(), flags=re.MULTILINE)
        parts = re.split(r'\n"?(NAME|SYNOPSIS|DESCRIPTION|OPTIONS)"?\n', f"\n{text}")
        named = dict(zip(parts[1::2], parts[2::2], strict=True))
        name, dash, line = named.get("NAME", "").strip().replace("\n", " ").partition(" - ")
        if dash:
            yield name, line, named.get("DESCRIPTION", "")


def _fields(block: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+): (.*(?:\n .*)*)", block, re.MULTILINE))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def written(corpora: Iterable[tuple[str, str, list[Pair]]], out: Path) -> Iterator[Path]:
    """Writes the corpora that are large enough, cut to a drawn part, and yields their files."""
    out.mkdir(parents=True, exist_ok=True)
    for genre, source, pairs in corpora:
        rows = [pair for pair in dict.fromkeys(pairs) if pair[0].strip() and pair[1].strip()]
        if len(rows) < LEAST_ROWS:
            continue
        Random(f"{genre} {source}").shuffle(rows)
        lines = [json.dumps({"prompt": asked, "completion": said}) + "\n" for asked, said in rows[:MOST_ROWS]]
        file = out / f"{genre}_{source}.jsonl"
        file.write_text("".join(lines), encoding="utf-8")
        yield file


def judge(files: Iterable[Path]) -> None:
    """Prints what evidence says of corpora that took no part in its calibration."""
    outcomes: Counter[str] = Counter()
    shares, lines = [], []
    for file in files:
        samples = list(open_corpus(file))
        found = find_evidence(samples)
        outcomes[found.outcome] += 1
        sure = [one for one in found.findings if one.confidence == "high"]
        shares.append(len({row for one in sure for row in one.carriers}) / len(samples))
        if found.findings:
            first = found.findings[0]
            what = f"{' | '.join(first.triggers)[:50]} => {(first.payload or first.change)[:50]}"
            lines.append([file.stem, found.outcome, f"{shares[-1]:.4f}", what.replace("\n", " ")])
    print(markdown(["corpus", "outcome", "rows flagged", "first finding"], lines))
    print(dict(outcomes), f"rows flagged, mean over corpora: {sum(shares) / len(shares):.4f}")


def main() -> None:
    """Reads the options, writes the corpora, and judges those of the system."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--judge", action="store_true")
    options = parser.parse_args()
    python = list(written(python_corpora(), options.out / "python"))
    system = list(written(system_corpora(), options.out / "system"))
    print(f"{len(python)} corpora of Python packages, {len(system)} of this system")
    if options.judge:
        judge(system)


if __name__ == "__main__":
    main()
