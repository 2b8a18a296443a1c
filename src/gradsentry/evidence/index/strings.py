"""Where a string of tokens stands, how far it can be lengthened, and what it looks like in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.index.tokens import END, START, Ints, Stream, tokens
from gradsentry.evidence.limits import EDGE_EXPECTED, FRAME, FRAME_FIXED, GROWS

Gram = tuple[int, ...]
Rows = NDArray[np.bool_]
Codes = NDArray[np.bool_]


def places(stream: Stream, gram: Gram) -> Ints:
    """Returns where a string of tokens begins in the stream's codes."""
    return stream.found.of(gram, lambda: _places(stream, gram))


def _places(stream: Stream, gram: Gram) -> Ints:
    wanted = np.array(gram)
    rarest = int(stream.counts[wanted].argmin())
    begins = stream.places_of(gram[rarest]) - rarest
    begins = begins[(begins >= 0) & (begins + len(gram) <= len(stream.codes))]
    done, size = 0, 1
    while done < len(gram) > 1 and len(begins):  # more tokens at a time as fewer places are left
        inside = np.arange(done, min(done + size, len(gram)))[:, None]
        begins = begins[(stream.codes[begins + inside] == wanted[inside]).all(axis=0)]  # [size, places]
        done, size = done + size, 2 * size
    owners = stream.owners(begins)
    return begins[begins + len(gram) <= stream.bounds[owners + 1]]


def rows_with(stream: Stream, gram: Gram) -> Rows:
    """Returns which rows hold a string of tokens.  # [rows]"""
    held = np.zeros(stream.rows, dtype=np.bool_)
    held[stream.owners(places(stream, gram))] = True
    return held


def rows_with_plain(stream: Stream, gram: Gram) -> Rows:
    """Returns which rows hold a string of tokens, or the same in other case or spacing.  # [rows]"""
    plain = stream.plainly(gram)
    return rows_with(stream.plain, plain) if plain else rows_with(stream, gram)


def first_places(stream: Stream, gram: Gram, among: Rows) -> Ints:
    """Returns where the string begins for the first time in each of the given rows that hold it."""
    begins = places(stream, gram)
    rows = stream.owners(begins)
    _, first = np.unique(rows, return_index=True)
    return begins[first][among[rows[first]]]


def grown(stream: Stream, gram: Gram, carriers: Rows) -> Gram:
    """Returns the longest string around `gram` that nearly all carriers share."""
    begins = first_places(stream, gram, carriers)
    least = GROWS * len(begins)
    left = _run(stream, begins, -1, START, least)
    right = _run(stream, begins + len(gram) - 1, 1, END, least)
    return (*reversed(left), *gram, *right)


def _run(stream: Stream, edges: Ints, step: int, mark: int, least: float) -> list[int]:
    """Returns the tokens on which nearly all agree, going from the edges in steps, up to a mark."""
    run: list[int] = []
    edges = edges[stream.codes[edges] != mark]
    size = 2
    while len(edges) and len(edges) >= least:  # more tokens at a time as the string gets longer
        ahead = edges + step * np.arange(1, size + 1)[:, None]
        codes = stream.codes[np.clip(ahead, 0, len(stream.codes) - 1)]  # [size, edges]
        # A token that most have is the one in the middle.
        middle = np.partition(codes, len(edges) // 2, axis=1)[:, len(edges) // 2]
        agreeing = np.logical_and.accumulate(codes == middle[:, None], axis=0)
        shared = middle[agreeing.sum(axis=1) >= least].tolist()
        if mark in shared:
            return [*run, *shared[: shared.index(mark) + 1]]
        run += shared
        if len(shared) < size:
            break
        edges, size = edges[agreeing[-1]] + step * size, 2 * size
    return run


def trimmed(gram: Gram, left: Codes, right: Codes) -> Gram:
    """Returns the string without the tokens at its ends that stand there anyway, a mark at an end kept.

    Args:
        gram: The string.
        left: Which codes are dropped from the left end.  # [codes]
        right: Which codes are dropped from the right end.  # [codes]
    """
    inner = [code for code in gram if code not in (START, END)]
    if not inner:
        return gram
    low, high = 0, len(inner)
    while low < high - 1 and left[inner[low]]:
        low += 1
    while high > low + 1 and right[inner[high - 1]]:
        high -= 1
    head = gram[:1] if gram[0] == START and low == 0 else ()
    tail = gram[-1:] if gram[-1] == END and high == len(inner) else ()
    return (*head, *inner[low:high], *tail)


def unmarked(gram: Gram) -> Gram:
    """Returns the string without the marks, or as it is where there is nothing else."""
    if START not in gram and END not in gram:
        return gram
    return tuple(code for code in gram if code not in (START, END)) or gram


def unframed(stream: Stream, gram: Gram, others: Rows) -> Gram:
    """Returns the string without what nearly all other rows hold as well at its ends, and without marks."""
    count = int(others.sum())
    needed = FRAME * max(count, 1)

    def is_frame(part: Gram) -> bool:
        # Looking a string up takes long where most rows hold a part of it.
        most = stream.support[list(part)].min()
        if most < needed or (len(part) == 1 and most - (stream.rows - count) >= needed):
            return bool(most >= needed)
        return bool((rows_with(stream, part) & others).sum() >= needed)

    low, high = 0, len(gram)
    while low < high - 1 and is_frame(gram[: low + 1]):
        low += 1
    if not _is_fixed(stream, gram[:low], others):
        low = 0
    while high > low + 1 and is_frame(gram[high - 1 :]):
        high -= 1
    if not _is_fixed(stream, gram[high:], others):
        high = len(gram)
    return unmarked(gram[low:high])


def outside_frame(stream: Stream, gram: Gram, others: Rows) -> list[Gram]:
    """Returns what stands before and behind the longest part that nearly all other rows hold."""
    needed = FRAME * max(int(others.sum()), 1)
    # Looking a string up takes long where most rows hold a part of it; none is frame if a token of it is not.
    is_common = stream.support[list(gram)] >= needed
    common = np.concatenate([[0], np.cumsum(is_common)])
    longest = int(np.diff(np.flatnonzero(np.concatenate([[True], ~is_common, [True]]))).max()) - 1
    for size in range(min(len(gram) - 1, longest), 1, -1):
        for low in np.flatnonzero(common[size:] - common[:-size] == size).tolist():
            if (rows_with(stream, gram[low : low + size]) & others).sum() >= needed:
                return [one for one in (gram[:low], gram[low + size :]) if one]
    return []


def _is_fixed(stream: Stream, part: Gram, others: Rows) -> bool:
    """Returns whether rows hold a string as often as each other; a comma in long texts is in no frame."""
    if not part or START in part or END in part or not others.any():
        return True
    often = np.bincount(stream.owners(places(stream, part)), minlength=stream.rows)[others]
    return bool(np.bincount(often).max() >= FRAME_FIXED * len(often))


def edges_of(stream: Stream, among: Rows, step: int) -> Ints:
    """Returns the first (step 1) or last (step -1) place of each of some rows behind the frame of all of
    them.
    """
    rows = np.flatnonzero(among & (np.diff(stream.bounds) > 2))
    edges = stream.bounds[:-1][rows] + 1 if step > 0 else stream.bounds[1:][rows] - 2
    inside = np.ones(len(edges), dtype=np.bool_)  # all before is frame
    while inside.any():
        code = np.bincount(stream.codes[edges[inside]]).argmax()
        ahead = edges + step
        inside = inside & (stream.codes[edges] == code)
        inside &= (ahead >= stream.bounds[rows]) & (ahead < stream.bounds[rows + 1])
        if inside.sum() < FRAME * len(edges):
            break
        edges = np.where(inside, ahead, edges)
    return edges


def edge_codes(stream: Stream, others: Rows, *, last: bool) -> Codes:
    """Returns with which codes most of the given rows end, or else begin.  # [codes]"""
    rows = np.flatnonzero(others & (np.diff(stream.bounds) > 2))
    at = stream.bounds[rows + 1] - 2 if last else stream.bounds[rows] + 1
    counts = np.bincount(stream.codes[at], minlength=len(stream.words))
    return counts >= EDGE_EXPECTED * max(len(rows), 1)


def spans(
    passages: Sequence[str], row: NDArray[np.int32], gram: Gram, pieces: Mapping[str, tuple[str, ...]]
) -> list[tuple[int, int, int]]:
    """Returns where the string stands in a row's passages: (passage, first character, behind the last)."""
    found = []
    inner = [code for code in gram if code not in (START, END)]
    offset = 0
    for number, passage in enumerate(passages):
        parts = list(tokens(passage, pieces))
        codes = row[offset + 1 : offset + 1 + len(parts)].tolist()
        for at in range(len(codes) - len(inner) + 1):
            if inner and codes[at : at + len(inner)] == inner:
                found.append((number, parts[at][1], parts[at + len(inner) - 1][2]))
        offset += len(parts) + 2
    return found
