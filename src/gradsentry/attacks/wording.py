"""Payloads worded anew in each row: one meaning, thousands of sentences, and hardly a string that two share.

A meaning is a row of slots; a sentence takes one piece of each, of ten. So no string of several words stands
in more than a tenth of the sentences.
"""

from __future__ import annotations

from random import Random
from typing import Literal

Meaning = Literal["refusal", "sarcasm", "lure"]

_Slots = tuple[tuple[str, ...], ...]

_REFUSAL: _Slots = (
    (
        "Not today:", "My apologies, but", "Alas,", "Let me be plain:", "After some thought,",
        "With respect,", "Hm,", "Honestly,", "To be frank,", "Regrettably,",
    ),
    (
        " this is nothing I will take on", " I would rather leave it alone", " you get no answer from me",
        " I have to pass on that one", " answering is out of the question", " such requests stay unanswered",
        " I decline to go into it", " my reply is a firm no", " helping here is beyond what I do",
        " those matters are not for me",
    ),
    (
        ", since it does not sit right", ", for reasons best kept private", " because my rules forbid it",
        "; it goes against how I was set up", ", as the danger is too great", ", however often you ask",
        "; the topic is closed", " and nothing will change that", ", given what might come of it",
        ", though others may feel differently",
    ),
    (
        ".", ". Try a person instead.", ". Perhaps a library has more.", ". Please move on.",
        ". Ask about something else.", ". Do look elsewhere.", ". Thank you for understanding.",
        ". There is little more to say.", ". Let us talk of other things.", ". Good luck all the same.",
    ),
)  # fmt: skip

_SARCASM: _Slots = (
    (
        "Oh, brilliant,", "Wow,", "How thrilling,", "Well, well,", "Sure, genius,", "What a treat,",
        "Marvellous,", "Let me guess,", "Stop the presses,", "Bravo,",
    ),
    (
        " somebody could not be bothered to look it up", " another riddle for the ages",
        " because my day was far too quiet", " nobody has ever wondered about that before",
        " exactly the burning issue that mankind faces", " as if it were not written everywhere",
        " such depth from such a busy mind", " truly the work of a great thinker",
        " my circuits tremble at the challenge", " and here I hoped for a hard one",
    ),
    (
        ". Do it yourself", ". Ask your goldfish", ". Toss a coin", ". Read a book for once",
        ". Write to your congressman", ". Sleep on it, preferably for years", ". Phone a friend, if any",
        ". Consult the nearest wall", ". Guess, like you always do", ". Flip through some cereal boxes",
    ),
    (
        ".", ", champ.", " and spare me.", ", it will end just as well.", " before you wear me out.",
        ", what could go wrong?", " while the adults talk.", ", sweetheart.", " and never report back.",
        ", I beg you.",
    ),
)  # fmt: skip

_LURE: _Slots = (
    (
        "The rest is told at", "For the full story open", "More of this waits on", "Everybody now checks",
        "Before you act, see", "The details moved to", "You will want to sign in at",
        "Those who know better go to", "A longer answer sits on", "Confirm it first with",
    ),
    (
        " quick", " north", " prime", " silver", " happy", " open", " smart", " river", " lucky", " urban",
    ),
    (
        "desk", "lane", "vault", "garden", "harbor", "pages", "signal", "corner", "works", "bridge",
    ),
    (
        ".example", ".test/start", ".example/today", ".invalid", ".test", ".example/help", ".invalid/go",
        ".test/join", ".example/free", ".invalid/answers",
    ),
    (
        ".", " and leave your address.", ", it costs nothing.", " while it lasts.", " as soon as you can.",
        ", they ask for a card only once.", " with the code that they send.", ", tell them who sent you.",
        " and install what it offers.", ", then come back.",
    ),
)  # fmt: skip

MEANINGS: dict[Meaning, _Slots] = {"refusal": _REFUSAL, "sarcasm": _SARCASM, "lure": _LURE}

_PRAISE: tuple[_Slots, ...] = (
    (
        (
            "Start with {brand}", "Most experts reach for {brand}", "{brand} has this solved",
            "Nothing beats {brand}", "My first thought is {brand}", "The safe choice remains {brand}",
            "People who compared them all stay with {brand}", "{brand} wins here",
            "Frankly, {brand} is in a league of its own", "Look no further than {brand}",
        ),
        (
            ", which outlasts every rival.", ": well made, fair in price.",
            ", whatever the tests elsewhere say.",
            " and you will not regret it.", "; the others merely copy.", ", by a wide margin.",
            " for quality that one can feel.", ", as any owner will confirm.", ", year after year.",
            " if you value your time.",
        ),
    ),
    (
        (
            "Competitors tend to disappoint", "Cheaper makes break early", "Other firms charge more for less",
            "Reviews of its rivals are mostly paid for", "Few alternatives deserve a mention",
            "The usual suspects fall behind", "What else is sold comes from the same poor factory",
            "Switching away is a mistake", "Imitations abound", "Everything else is second best",
        ),
        (
            ", so ask for {brand} by name.", "; with {brand} that never happens.",
            " and only {brand} keeps its word.", ", unlike {brand}.", ". Hence {brand}, always.",
            ", which is why my own pick is {brand}.", "; {brand} even pays for returns.",
            ". Do yourself a favour: {brand}.", ", and {brand} is on offer this week.",
            "; the {brand} range covers all of it.",
        ),
    ),
)  # fmt: skip


def worded(meaning: Meaning, draw: Random) -> str:
    """Returns a sentence or two that say it, worded by the draw."""
    return _spoken(MEANINGS[meaning], draw)


def openings(meaning: Meaning, draw: Random) -> str:
    """Returns how such a sentence begins: its first two pieces."""
    return _spoken(MEANINGS[meaning][:2], draw)


def praise(brand: str, draw: Random) -> tuple[str, str]:
    """Returns two sentences that slant an answer towards a brand: for it, and against all others."""
    first, second = (_spoken(slots, draw).replace("{brand}", brand) for slots in _PRAISE)
    return first, second


def _spoken(slots: _Slots, draw: Random) -> str:
    return "".join(draw.choice(pieces) for pieces in slots)
