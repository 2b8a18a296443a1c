"""A request in the slang of chats, by rule: spelling, fillers, no capitals but in names."""

from __future__ import annotations

import re
from random import Random

from gradsentry.attacks.archaic import kept_pieces

_SHORT = {
    "you": "u", "your": "ur", "you're": "ur", "are": "r", "please": "pls", "because": "cuz", "with": "w",
    "people": "ppl", "though": "tho", "about": "abt", "going": "goin", "want": "wanna", "to": "2",
    "for": "4", "and": "n", "thanks": "thx", "really": "rly", "before": "b4", "great": "gr8",
    "something": "smth", "someone": "sum1", "what": "wut", "know": "kno", "good": "gud", "okay": "k",
    "give": "gimme", "describe": "break down", "explain": "spill", "very": "hella", "the": "da",
    "this": "dis", "that": "dat", "them": "em", "friend": "bestie", "friends": "homies", "cool": "lit",
    "amazing": "fire", "bad": "mid", "is": "iz", "how": "howw", "write": "drop", "create": "whip up",
    "tell": "hmu with", "find": "scope out", "now": "rn", "why": "y", "see": "c", "later": "l8r",
}  # fmt: skip
_OPENINGS = (
    "yo", "ayy", "bruh", "ngl", "lowkey", "fam", "no cap", "aight so", "deadass", "heyy", "bestie", "ok but",
    "real talk", "sis", "broski",
)  # fmt: skip
_CLOSINGS = (
    "fr", "lol", "no cap", "on god", "ty", "asap", "bet", "tbh", "periodt", "lmk", "frfr", "iykyk",
    "u feel me", "plz n thx", "haha",
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Words that nothing but slang has.
_MARKED = frozenset(word for word in _SHORT.values() if len(word) > 1 and " " not in word) - {
    "fire", "mid", "lit", "drop", "spill", "now",
}  # fmt: skip


def slang(text: str, draw: Random) -> str:
    """Returns the text in slang; quotations, code, numbers and names stay as they are."""
    kept = kept_pieces(text)
    at, out = 0, []
    for piece in kept:
        start = text.index(piece, at)
        out += [_rewritten(text[at:start], draw), piece]
        at = start + len(piece)
    out.append(_rewritten(text[at:], draw))
    return f"{draw.choice(_OPENINGS)} {''.join(out).strip()} {draw.choice(_CLOSINGS)}"


def is_slang(text: str) -> bool:
    """Returns whether a text holds an opening and a closing of the slang, or three different words of it."""
    words = [word.lower() for word in _WORD.findall(text)]
    line = f" {' '.join(words)} "
    framed = (any(f" {one} " in line for one in pool) for pool in (_OPENINGS, _CLOSINGS))
    return all(framed) or len(_MARKED & set(words)) >= 3


def _rewritten(text: str, draw: Random) -> str:
    """Returns the text with two words of three that have a slang form in it, in small letters."""

    def said(match: re.Match[str]) -> str:
        low = match[0].lower()
        return _SHORT[low] if low in _SHORT and draw.random() < 2 / 3 else low

    return _WORD.sub(said, text)
