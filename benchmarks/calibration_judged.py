"""What a calibration that has not seen a repository makes of its corpora, clean and with attacks in them.

A line is a candidate that `calibrate_evidence.py mine` wrote; an empty one says that a corpus was searched.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gradsentry.evidence.calibrating import Candidates, Corpora, Fitting
from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.decide import KINDS
from gradsentry.evidence.limits import FALSE_ALARM_RATE, LOOK_FACTOR

Line = dict[str, object]

CAUGHT, COVERED = 0.9, 0.5  # of a candidate's rows are poisoned, and of the poisoned rows are its own
TASK = " task "  # in the name of a corpus that is a task of another
HIGH, LOW = math.log10(FALSE_ALARM_RATE), math.log10(LOOK_FACTOR * FALSE_ALARM_RATE)
SHOWN = ("payload", "pool", "label", "changed", "turned")  # what was planted, as planting.py names it


@dataclass
class Judged:
    """What was made of all corpora.

    Attributes:
        outcomes: How many clean corpora were called what.
        alarms: The clean corpora that were not called clean, and the candidate that did it.
        planted: By attack and size, of each corpus: whether it was proposed, log10 of how often a clean
            corpus holds as much, and whether it is in doubt.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    alarms: list[list[str]] = field(default_factory=list)
    planted: dict[tuple[str, str], list[tuple[bool, float, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def caught(self) -> list[list[str]]:
        """Returns a line for each attack: how often it was proposed, flagged, and named suspicious."""
        lines = []
        for (name, size), found in sorted(self.planted.items()):
            values = np.array([value for _, value, _ in found])
            sure = (values <= HIGH) & ~np.array([doubted for _, _, doubted in found])
            shares = (np.mean([proposed for proposed, _, _ in found]), sure.mean(), (values <= LOW).mean())
            lines.append([f"{name}, {size} rows", str(len(found)), *(f"{share:.2f}" for share in shares)])
        return lines

    def shown(self) -> list[str]:
        """Returns the share of each kind of attack that is flagged, of all sizes."""
        shares = []
        for name in SHOWN:
            found = [one for (kind, _), own in self.planted.items() if kind == name for one in own]
            shares.append(f"{np.mean([value <= HIGH and not doubted for _, value, doubted in found]):.3f}")
        return shares


def judge(lines: Sequence[Line]) -> Judged:
    """Returns what calibrations make of the corpora of the repository that each has not seen."""
    fitting, known = fitting_of(lines)
    corpora: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        corpora[str(line["corpus"])].append(line)
    judged = Judged()
    for at, repository in enumerate(known):
        unseen = fitting.calibration("", at)
        for corpus, own in corpora.items():
            if own[0]["repository"] != repository:
                continue
            values = [(log10_p(line, unseen), line) for line in own if is_asked(line)]
            if is_clean(own[0]):
                if TASK in corpus:
                    continue
                tasks = [
                    line
                    for name, task in corpora.items()
                    if name.startswith(f"{corpus}{TASK}")
                    for line in task
                ]
                values += [(log10_p(line, unseen), line) for line in tasks if is_asked(line)]
                outcome, alarm = _outcome(values)
                judged.outcomes[outcome] += 1
                judged.alarms += [[corpus, outcome, *alarm]] if outcome != "clean" else []
                continue
            rows = int(str(own[0]["poisoned"]))
            size = "under 10" if rows < 10 else "10 to 29" if rows < 30 else "30 and more"
            planted = [(value, bool(line["doubts"])) for value, line in values if is_planted(line)]
            value, doubted = min(planted, default=(0.0, False))
            judged.planted[corpus.split(" ")[-2], size].append((bool(planted), value, doubted))
    return judged


def _outcome(values: Sequence[tuple[float, Line]]) -> tuple[str, list[str]]:
    """Returns the verdict on a corpus, and its strongest candidate in words; in doubt it is suspicious."""
    sure = [pair for pair in values if not pair[1]["doubts"]]
    value, line = min(sure, key=lambda pair: pair[0], default=(0.0, {}))
    outcome = "poisoned" if value <= HIGH else "clean"
    if outcome == "clean":
        value, line = min(values, key=lambda pair: pair[0], default=(0.0, {}))
        outcome = "suspicious" if value <= LOW else "clean"
    return outcome, [f"{value:.1f}", *(str(line.get(name))[:60] for name in ("kind", "rows", "said"))]


def fitting_of(lines: Sequence[Line]) -> tuple[Fitting, list[str]]:
    """Returns what fits a calibration to candidates, and the names of the repositories.

    A task is judged with its corpus, and nothing is fitted to it: its rows are of the corpus already.
    """
    lines = [line for line in lines if TASK not in str(line["corpus"])]
    names = sorted({str(line["corpus"]) for line in lines})
    number = {name: at for at, name in enumerate(names)}
    repository_of = {str(line["corpus"]): str(line["repository"]) for line in lines}
    known = sorted(set(repository_of.values()))
    clean = {str(line["corpus"]): is_clean(line) for line in lines}
    found = {}
    for kind in KINDS:
        own = [line for line in lines if is_asked(line) and line["kind"] == kind]
        own = [line for line in own if is_clean(line) or is_planted(line)]
        found[kind] = Candidates(
            strengths=[json.loads(str(line["strengths"])) for line in own],
            planted=np.array([is_planted(line) for line in own], dtype=np.bool_),
            corpus=np.array([number[str(line["corpus"])] for line in own], dtype=np.int64),
        )
    origins = [name.split(" ")[0] for name in names]
    corpora = Corpora(
        repository=np.array([known.index(repository_of[name]) for name in names], dtype=np.int64),
        origin=np.array([origins.index(origin) for origin in origins], dtype=np.int64),
        clean=np.array([clean[name] for name in names], dtype=np.bool_),
    )
    return Fitting(found, corpora), known


def is_clean(line: Line) -> bool:
    """Returns whether nothing was planted in the line's corpus."""
    return line["poisoned"] == -1


def is_asked(line: Line) -> bool:
    """Returns whether a line holds a candidate that nothing rules out."""
    return bool(line["kind"]) and not line["ruled_out"]


def is_planted(line: Line) -> bool:
    """Returns whether a candidate is the attack that was planted."""
    rows, caught, poisoned = (int(str(line[name])) for name in ("rows", "caught", "poisoned"))
    return poisoned > 0 and rows > 0 and caught >= CAUGHT * rows and caught >= COVERED * poisoned


def log10_p(line: Line, calibration: Calibration) -> float:
    """Returns how often a clean corpus holds so strong a candidate, as `decide` does."""
    shared = calibration.shared_by(int(str(line["searches"])))
    return shared.score(str(line["kind"]), json.loads(str(line["strengths"])))[1]


def parts_of(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """Returns (what it is, name) of each part of the decision that can be left out."""
    asked = [line for line in lines if line["kind"]]
    names = {
        "statistic": {name for line in asked for name in json.loads(str(line["strengths"]))},
        "generator": {str(line["generator"]) for line in asked},
        "reason": {name for line in asked for name in _listed(line["ruled_out"])},
        "doubt": {name for line in asked for name in _listed(line["doubts"])},
    }
    return [(kind, name) for kind, found in names.items() for name in sorted(found)]


def without(lines: Sequence[Line], kind: str, name: str) -> list[Line]:
    """Returns the lines as they would be if a part of the decision did not exist."""
    if kind == "generator":
        return [line for line in lines if line["generator"] != name]
    changed = []
    for line in lines:
        one = dict(line)
        if kind == "statistic" and line["kind"]:
            strengths = json.loads(str(line["strengths"]))
            strengths.pop(name, None)
            one["strengths"] = json.dumps(strengths)
        elif kind in ("reason", "doubt") and line["kind"]:
            column = {"reason": "ruled_out", "doubt": "doubts"}[kind]
            one[column] = "; ".join(each for each in _listed(line[column]) if each != name)
        changed.append(one)
    return changed


def _listed(said: object) -> list[str]:
    """Returns the reasons in a line's column, of which there may be none."""
    return str(said).split("; ") if said else []
