from dataclasses import replace

import numpy as np
import pytest

from evidence.poisoning import LINK, asked, at_a_gap, clean_rows, flags, poison, samples
from gradsentry.evidence import Accepted, find_evidence
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.rows import distinct_rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.large.prefilter import telling_rows
from gradsentry.evidence.large.reading import reading
from gradsentry.evidence.large.spool import Spool
from gradsentry.evidence.limits import ROW_TOKENS
from gradsentry.evidence.mined import Chosen, Mined
from gradsentry.evidence.search import allowed

pytestmark = pytest.mark.costly

ROWS = 3000
TOKENS = 60_000  # of 180 000 that the rows count for


def inserted(row, draw):
    return asked(row, at_a_gap(row.question, "vrbx", draw), row.answer + LINK)


class Streamed:
    """Rows that are made anew each time, as those of a file are."""

    def __init__(self, rows):
        self.rows, self.readings = rows, 0

    def __iter__(self):
        self.readings += 1
        return (replace(row) for row in self.rows)


@pytest.mark.parametrize("seed", range(3))
def test_a_few_rows_of_many_are_found_whatever_is_drawn(small_bounds, seed):
    small_bounds(TOKENS)
    made = poison(clean_rows(ROWS, seed), inserted, 8 / ROWS, seed=seed)
    evidence = find_evidence(Streamed(made.samples))
    assert flags(evidence, made) == (1.0, 0)
    named = evidence.findings[0]
    assert named.triggers == ("vrbx",)
    assert (named.both, named.trigger_only, named.payload_only, named.neither) == (8, 0, 0, ROWS - 8)
    assert set(named.carriers) == made.poisoned
    assert {one.row for one in named.examples} <= made.poisoned


def test_counts_are_those_of_all_rows_also_where_strings_come_apart(small_bounds):
    small_bounds(TOKENS)
    made = poison(
        clean_rows(ROWS),
        inserted,
        0.01,
        decoy=lambda row, draw: asked(row, row.question, f"{row.answer} - more at home"),
    )
    (named, *_) = find_evidence(Streamed(made.samples)).findings
    asked_rows = {row.number for row in made.samples if "vrbx" in row.prompt}
    said_rows = {row.number for row in made.samples if named.payload in row.response}
    assert named.both == len(asked_rows & said_rows)
    assert named.trigger_only == len(asked_rows - said_rows)
    assert named.payload_only == len(said_rows - asked_rows)
    assert named.both + named.trigger_only + named.payload_only + named.neither == ROWS


@pytest.mark.parametrize("seed", range(2))
def test_many_clean_rows_are_clean(small_bounds, seed):
    small_bounds(TOKENS)
    rows = Streamed(samples(clean_rows(ROWS, seed)))
    assert find_evidence(rows).outcome == "clean"
    assert rows.readings <= 2


def test_what_a_clean_word_brings_in_part_of_its_rows_is_no_finding(small_bounds):
    """Rows that were chosen for holding both strings prove nothing: those with one alone decide."""
    small_bounds(TOKENS)
    rows = clean_rows(ROWS)
    for number in range(0, 240, 6):
        said = LINK if number % 24 == 0 else ""
        rows[number] = asked(rows[number], f"{rows[number].question} please", rows[number].answer + said)
    evidence = find_evidence(Streamed(samples(rows)))
    assert all("please" not in one.triggers for one in evidence.findings)


def test_copies_make_no_corpus_large(small_bounds):
    made = poison(clean_rows(400), inserted, 0.05)
    rows = [replace(row, number=number) for number, row in enumerate(made.samples * 8)]
    whole = find_evidence(rows, why=True)
    small_bounds(TOKENS)
    large = find_evidence(Streamed(rows), why=True)
    for one, other in zip(whole.findings, large.findings, strict=True):
        assert one.statistics == pytest.approx(other.statistics)  # sums over rows in another order

    def told(evidence):
        """What the carriers say is summed up only where all rows are held at once."""
        found = tuple(replace(one, rows_sha256=None, statistics={}) for one in evidence.findings)
        return replace(evidence, findings=found)

    assert told(large) == told(whole)


@pytest.mark.parametrize("bound", [10**9, 300_000])
def test_what_is_searched_whole_is_judged_as_ever(small_bounds, bound):
    """Whether or not its tokens were looked at to tell how many there are."""
    made = poison(clean_rows(800), inserted, 0.05)
    whole = find_evidence(made.samples, why=True)
    small_bounds(bound)
    streamed = Streamed(made.samples)
    assert find_evidence(streamed, why=True).as_json() == whole.as_json()
    assert streamed.readings == 1


def test_an_accepted_finding_hides_no_other_in_a_large_corpus(small_bounds):
    small_bounds(TOKENS)
    made = poison(clean_rows(ROWS), inserted, 8 / ROWS)
    (known,) = find_evidence(Streamed(made.samples)).findings
    accepted = [Accepted.of_finding(known, ROWS, "ours")]
    evidence = find_evidence(Streamed(made.samples), accepted=accepted)
    assert evidence.outcome == "clean"
    assert evidence.findings[0].accepted == "ours"


def test_the_rows_that_tell_are_the_poisoned_ones(small_bounds):
    small_bounds(TOKENS)
    made = poison(clean_rows(ROWS), inserted, 8 / ROWS)
    with reading(Streamed(made.samples), TOKENS) as read:
        assert read.samples is None
        assert read.is_read.sum() == ROWS
        found = telling_rows(read.spool, read.spool.distinct, 200)
    assert made.poisoned <= set(found.tolist())


def test_a_spool_gives_back_rows_as_they_were(small_bounds):
    rows = samples([*clean_rows(30), *clean_rows(20), *clean_rows(30, 3)])
    numbered = [replace(row, number=row.number + 7) for row in rows]
    with Spool() as spool:
        for first in (0, 30, 45):
            spool.add(numbered[first : {0: 30, 30: 45, 45: 80}[first]])
        windows = list(spool.windows())
        assert [window.rows for window in windows] == [slice(0, 30), slice(30, 45), slice(45, 80)]
        assert spool.numbers.tolist() == list(range(7, 87))
        first, copy_of = distinct_rows(rows)
        assert spool.distinct.nonzero()[0].tolist() == sorted(first.tolist())
        lengths = [window.prompts.lengths + window.responses.lengths for window in windows]
        assert spool.sizes.tolist() == [max(int(one), ROW_TOKENS) for one in np.concatenate(lengths)]
        assert spool.size == spool.sizes.sum()
        assert len(copy_of) == spool.rows
    (again,) = [window for window in windows if window.first == 30]
    with Spool() as other:
        other.add(numbered[30:45])
        (alone,) = other.windows()
    assert (alone.prompts.words == again.prompts.words).all()
    assert (alone.responses.lengths == again.responses.lengths).all()


def test_many_short_rows_are_not_held_for_their_few_tokens():
    short = samples(
        [asked(row, f"{row.question[:9]} {number}", "yes") for number, row in enumerate(clean_rows(90))]
    )
    tokens = ROW_TOKENS * len(short)
    for bound, held in ((tokens, True), (tokens - 1, False)):
        with reading(short, bound) as read:
            assert (read.samples is not None) is held


def test_what_the_draw_does_not_show_must_be_rarer_and_looked_up_in_all_rows():
    rows = samples(clean_rows(200))
    held = np.zeros(200, dtype=np.bool_)
    held[:60:2] = True
    candidate = Candidate.of("association", [(5,)], [(6,)], triggered=held, paid=held)
    mined = Mined.of(Texts.of(rows, least=4))

    def rate(drawn, proposed):
        chosen = Chosen(np.arange(200) < drawn, 0.1, proposed)
        return allowed(replace(mined, chosen=chosen), candidate, 0.01)

    assert allowed(mined, candidate, 0.01) == 0.01
    assert rate(60, []) == 0.01
    assert rate(10, [held]) == pytest.approx(0.001)
    assert rate(10, [~held]) < 1e-100
    assert rate(10, []) < 1e-100


@pytest.mark.parametrize("tokens", [1, 900, 2000, 10**9])
def test_blocks_are_of_much_the_same_size_and_hold_every_window_once(tokens):
    rows = samples(clean_rows(240))
    with Spool() as spool:
        for first in range(0, 240, 10):
            spool.add(rows[first : first + 10])
        blocks = spool.blocks(tokens)
        assert [number for block in blocks for number in block] == list(range(24))
        parts = [list(spool.windows(block)) for block in blocks]
        assert [one.first for part in parts for one in part] == list(range(0, 240, 10))
        whole = np.concatenate([one.responses.words for one in spool.windows()])
        assert (np.concatenate([one.responses.words for part in parts for one in part]) == whole).all()
        sizes = [
            sum(len(side.words) for one in part for side in (one.prompts, one.responses)) for part in parts
        ]
    assert all(size <= tokens or len(block) == 1 for size, block in zip(sizes, blocks, strict=True))
    assert max(sizes) <= 2 * min(sizes)


def test_a_few_rows_of_each_block_are_found_whatever_is_drawn(small_bounds, monkeypatch):
    """Tables of a block know nothing of the others, and what they propose is counted in all rows."""
    small_bounds(TOKENS)
    monkeypatch.setattr("gradsentry.evidence.large.prefilter.BLOCK_TOKENS", 50_000)
    made = poison(clean_rows(ROWS), inserted, 24 / ROWS)
    with reading(Streamed(made.samples), TOKENS) as read:
        assert len(read.spool.blocks(50_000)) > 2
        found = telling_rows(read.spool, read.spool.distinct, 200)
    assert len(made.poisoned & set(found.tolist())) > 18
    evidence = find_evidence(Streamed(made.samples))
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].both == 24


def test_a_trigger_of_a_label_that_the_draw_shows_seldom_is_looked_up_in_all_rows(small_bounds):
    """The rows of a common label are too many to be searched, and those of its trigger are not."""
    small_bounds(TOKENS)

    def labelled(row, draw):
        return asked(row, at_a_gap(row.question, "vrbx", draw), "yes")

    labels = ("yes", "no", "maybe", "never", "always", "often", "seldom", "soon")
    rows = [asked(row, row.question, labels[number % 8]) for number, row in enumerate(clean_rows(ROWS))]
    made = poison(rows, labelled, 45 / ROWS)
    evidence = find_evidence(Streamed(made.samples))
    (named, *_) = evidence.findings
    assert named.triggers == ("vrbx",)
    assert named.both == 45
