"""Texts -> pieces that a page or a terminal can show: invisible characters spelt out, stretches marked. Pure.

A piece is a text and the names of its kinds, parted by spaces: `trigger`, `payload`, `ghost` (a character
that cannot be seen, spelt out), `break` (line breaks and tabs, spelt out), `omitted` (a note in place of what
was left out), `loss1` to `loss4` (how little a clean model expected a token) and `window` (where it expected
least). The page uses them as classes; nothing of a text is ever markup.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from gradsentry.evidence.limits import QUOTED

Piece = tuple[str, str]
Mark = tuple[int, int, str]
"""First character, behind the last, and the kind."""

LOSS_EDGES = (1.0, 2.0, 4.0, 8.0)
"""Nats from which on a token is shaded in the next darker tone."""

# Characters that Unicode calls printable and that show nothing: joiners, fillers, variation selectors.
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_BREAKS = re.compile(r"(\n+|\t+)")
_SIGNS = {"\n": "⏎", "\t": "⇥"}
_UNSEEN = re.compile(rf"[{_BLANK}]|[^ \n\t\x21-\x7e]")
# Of scripts that part their words.
_LETTER = "[0-9A-Za-z_\u00c0-\u024f\u0370-\u052f\u1e00-\u1fff]"
_JOINER, _EMOJI_STYLE = "\u200d", "\ufe0f"


def pieces(text: str, marks: Iterable[Mark] = ()) -> list[Piece]:
    """Returns the text, taken apart where a mark begins or ends and where a character cannot be seen.

    Runs of one invisible character become one piece, `U+200B` or `U+200B ×40`. Marks may overlap.
    """
    ghosts = _ghosts(text)
    changes: dict[int, list[tuple[str, int]]] = {}
    for first, last, kind in marks:
        if first < last:
            changes.setdefault(max(first, 0), []).append((kind, 1))
            changes.setdefault(min(last, len(text)), []).append((kind, -1))
    cuts = sorted({0, len(text), *changes, *ghosts, *ghosts.values()})
    depth: dict[str, int] = {}
    made: list[Piece] = []
    for first, last in pairwise(cuts):
        for kind, step in changes.get(first, ()):
            depth[kind] = depth.get(kind, 0) + step
        kinds = [kind for kind, count in depth.items() if count > 0]
        if first in ghosts:
            made.append((_spelt(text[first:last]), " ".join(["ghost", *kinds])))
        else:
            made.append((text[first:last], " ".join(kinds)))
    return made


def packed(made: Sequence[Piece]) -> list[str | list[str]]:
    """Returns pieces as short JSON values: a text alone where it has no kind."""
    return [[text, kind] if kind else text for text, kind in made]


def plain(made: Iterable[Piece]) -> str:
    """Returns pieces as one text."""
    return "".join(text for text, _ in made)


def shown(text: str, marks: Iterable[Mark] = (), *, limit: int | None = None) -> list[Piece]:
    """Returns the pieces of a text, of a long one its ends with a note between that says what is left out.

    Args:
        text: The text.
        marks: Stretches of it.
        limit: How many characters are shown at most; a few more where the note would be as long.
    """
    head = (limit or 0) - (limit or 0) // 4
    tail = len(text) - ((limit or 0) - head)
    note = (f" … {tail - head:,} characters are left out here … ", "omitted")
    if limit is None or len(text) <= limit + len(note[0]):
        return pieces(text, marks)
    marks = list(marks)
    first = [(begin, min(end, head), kind) for begin, end, kind in marks if begin < head]
    last = [(max(begin, tail) - tail, end - tail, kind) for begin, end, kind in marks if end > tail]
    return [*pieces(text[:head], first), note, *pieces(text[tail:], last)]


def in_line(made: Iterable[Piece]) -> list[Piece]:
    """Returns pieces of which each run of line breaks or of tabs is a sign for one, `⏎` or `⏎×4`, `⇥`."""
    line: list[Piece] = []
    for text, kind in made:
        for part in _BREAKS.split(text):
            if sign := _SIGNS.get(part[:1]):
                sign += f"×{len(part)}" if len(part) > 1 else ""
                line.append((f" {sign} ", f"{kind} break".strip()))
            elif part:
                line.append((part, kind))
    return line


def quoted(text: str, kind: str, limit: int = QUOTED) -> list[Piece]:
    """Returns a text of the data in quotation marks, in one line, as it stands in a sentence."""
    made = shown(text, [(0, len(text), kind)], limit=limit)
    return [("“", ""), *in_line(made), ("”", "")]


def places(text: str, needle: str) -> list[tuple[int, int]]:
    """Returns where a string of whole words stands in a text, whatever its case and white space.

    A line break that it begins or ends with is asked for: it tells `,` and a new line from all commas.
    """
    if not needle.strip():
        pattern = re.escape(needle)
    else:
        pattern = r"\s+".join(re.escape(word) for word in needle.split())
        pattern = f"(?<!{_LETTER}){pattern}" if re.match(_LETTER, needle.strip()[0]) else pattern
        pattern = f"{pattern}(?!{_LETTER})" if re.match(_LETTER, needle.strip()[-1]) else pattern
        before, after = needle[: -len(needle.lstrip())], needle[len(needle.rstrip()) :]
        pattern = rf"\n[^\S\n]*{pattern}" if "\n" in before else pattern
        pattern = rf"{pattern}[^\S\n]*\n" if "\n" in after else pattern
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)] if needle else []


def loss_marks(losses: Sequence[float], starts: Sequence[int], ends: Sequence[int]) -> list[Mark]:
    """Returns the marks of tokens by their loss; likely tokens, and those of no character, have none.

    Args:
        losses: Of each token, in nats.
        starts: The first character that each covers.
        ends: Behind the last one, or -1.
    """
    return [
        (first, last, f"loss{tone}")
        for loss, first, last in zip(losses, starts, ends, strict=True)
        if last >= 0 and (tone := bisect_right(LOSS_EDGES, loss))
    ]


def _ghosts(text: str) -> dict[int, int]:
    """Returns where runs of one invisible character begin, and where each ends."""
    runs: dict[int, int] = {}
    end, begin = -1, -1
    for match in _UNSEEN.finditer(text):
        at = match.start()
        if not _is_unseen(text, at):
            continue
        if at == end and text[at] == text[begin]:
            end = runs[begin] = at + 1
        else:
            begin, end = at, at + 1
            runs[begin] = end
    return runs


def _is_unseen(text: str, at: int) -> bool:
    char = text[at]
    if char in (_JOINER, _EMOJI_STYLE) and at and unicodedata.category(text[at - 1]) in ("So", "Sk", "Mn"):
        return False  # within an emoji it is part of the picture
    return not char.isprintable() or re.match(f"[{_BLANK}]", char) is not None


def _spelt(run: str) -> str:
    code = ord(run[0])
    name = chr(0x2400 + code) if code < 0x20 else f"U+{code:04X}"
    return name if len(run) == 1 else f"{name} ×{len(run)}"
