"""The words of report, terminal and files, one for each thing; docs/words.md is written from here."""

from __future__ import annotations

from gradsentry.deciding.expectation import STANDS_OUT
from gradsentry.report.selection import MARGIN

GLOSSARY: dict[str, dict[str, str]] = {
    "The data as a whole": {
        "verdict": "what is said of the data as a whole: clean, suspicious or poisoned",
        "clean": "nothing was found",
        "suspicious": "a finding of low confidence; under the published rule, rows above tau",
        "poisoned": "a finding of high confidence, or a row that a person marked poisoned",
        "map": "in the report: rows lie near each other where the clean model takes their prompts, or their "
        "responses, for alike; two components of its mean states, of hundreds",
        "mean state": "what the clean model makes of a text: the mean of its hidden states over the tokens",
        "policy": "what flags a row: evidence (the findings decide) or published (the score decides)",
    },
    "A row": {
        "status": "what is said of a row: flagged, review, clean or unscored",
        "flagged": "to drop: it carries a finding of high confidence; under the published rule, it scores "
        "above tau",
        "clean": "it stays, in the clean set",
        "review": "a clean row that a person should look at: it carries a finding of low confidence, or its "
        f"score or anomaly lies more than {STANDS_OUT:g} standard deviations from what is expected",
        "unscored": "it could not be judged, and has a reason; it is neither clean nor flagged",
        "near tau": "in the report, where the score decides: a clean row that scores at most "
        f"{MARGIN:g} below tau",
        "mark": "what a person says of a row in the report: poisoned (it goes), clean (it stays) or unsure",
    },
    "A finding": {
        "finding": "a trigger, a payload, or both, with the rows that carry them",
        "trigger": "a string in the prompt",
        "payload": "a string in the response that the trigger brings, or that repeats",
        "association": "a finding with trigger and payload",
        "repetition": "a finding with a payload alone, which no string of the prompts brings",
        "absence": "a finding of the rows without what most responses hold, such as the form of all answers",
        "shift": "a finding with a trigger alone, after which responses are unlike those to prompts alike",
        "group": "a finding without strings: rows whose prompts and responses stand together to the clean "
        "model, and cost it more than others of their kind",
        "stands out": "the strongest group that is no finding, called G1, for clean corpora hold such groups "
        "too often: it decides nothing, and is where to look first",
        "strength": "of a group, how far its responses lie above others of their kind, in standard "
        "deviations: the smaller of two excesses, how unlikely the clean model finds them (loss) and how "
        "little their prompts tell of them (told), less three standard errors. Of a group with one label, "
        "the smaller of two numbers: minus the power of ten of the chance that accident puts so many of its "
        "rows together, and makes them cost so much",
        "told": "how much less a response costs the clean model with its prompt than alone, a token",
        "nearest rows": "of a group, the rows outside whose prompts the clean model takes for most alike",
        "moves": "how far the losses of responses move in the clean model when the trigger is taken out of "
        "prompts, or put into others (`gradsentry explain RUN F1`); what that means is left open",
        "confidence": "high where dropping its rows is advised, low where a look at them is",
        "accepted": "a finding that a person knows to be harmless (`gradsentry accept`): it is listed and "
        "flags nothing, until its trigger or its payload changes, or its share of the rows grows by half",
        "false alarm": "how often a clean corpus holds something so much like an attack: what decides",
        "certain": "what was counted in the data",
        "chance": "how likely accident alone does as much (log10_p), corrected for all that was looked at; a "
        "small one rejects accident, not an honest cause. A repetition has none",
    },
    "A number": {
        "score": "the spectral entropy of the gradient that a row gives the clean model, from 0 to 1; it "
        "rises with the length of the response",
        "tokens": "how many tokens of the model the response has",
        "tau": "the threshold of the score; where the findings decide it flags nothing",
        "expected": "the score that rows with as many response tokens show",
        "excess": "the score less what is expected",
        "standard deviations": "how far a row lies from what is expected, against how far rows as long do",
        "loss": "how little the clean model expected a token, minus the logarithm of its probability: 0 is "
        "certain, 2.3 a chance of 1 in 10, 4.6 of 1 in 100, 6.9 of 1 in 1,000",
        "window": "the four response tokens in a row that the clean model expected least",
        "anomaly": "how foreign the window is: its mean loss, times the root of the entropy of its gradient",
    },
}
"""Group -> word -> what it means."""


def meaning(group: str, word: str) -> str:
    """Returns what a word means, as a sentence."""
    said = GLOSSARY[group][word]
    return f"{said[0].upper()}{said[1:]}."


def page() -> str:
    """Returns docs/words.md."""
    lines = [
        "# Words",
        "",
        "One word for each thing, the same in the terminal, the report, the files of a run and `--json`.",
    ]
    for group, words in GLOSSARY.items():
        lines += ["", f"## {group}", "", "| word | meaning |", "|---|---|"]
        lines += [f"| {word} | {said} |" for word, said in words.items()]
    return "\n".join(lines) + "\n"
