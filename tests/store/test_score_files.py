"""Score files: merged as they come, and none of them is believed unchecked."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry import scorefiles
from gradsentry.errors import RunError
from gradsentry.scorefiles import SHARD_ROWS, BrokenScoresError, ScoreFiles
from gradsentry.scoretable import SCHEMA


def rows(numbers) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "number": number,
                "id": str(number),
                "status": "scored",
                "reason": "",
                "n_prompt": 1,
                "n_response": 1,
                "score": number / 10_000,
                "spectrum": [1.0, number / 10_000],
            }
            for number in numbers
        ],
        schema=SCHEMA,
    )


@pytest.fixture
def files(tmp_path) -> ScoreFiles:
    """The files of a run of two shards: whole, and some rows."""
    made = ScoreFiles(tmp_path / "scores", "own")
    for start in range(0, SHARD_ROWS, 512):
        made.add(rows(range(start, start + 512)))
    made.add(rows(range(SHARD_ROWS + 5, SHARD_ROWS + 9)))
    made.add(rows(range(SHARD_ROWS, SHARD_ROWS + 5)))
    return made


def names(files: ScoreFiles) -> list[str]:
    return sorted(str(file.relative_to(files.folder)) for file in files.folder.rglob("*.parquet"))


def refusal(call, *args, error=RunError) -> str:
    with pytest.raises(error) as caught:
        call(*args)
    return caught.value.line()


def test_parts_become_shards_as_they_are_whole(files):
    assert names(files) == ["000000.parquet", "parts/000001-0000.parquet", "parts/000001-0001.parquet"]
    assert SHARD_ROWS + 8 in files
    assert SHARD_ROWS + 9 not in files
    table = files.finish().table()
    assert names(files) == ["000000.parquet", "000001.parquet"]
    assert not (files.folder / "parts").exists()
    assert table.equals(rows(range(SHARD_ROWS + 9)))
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert files.scores().table(["id", "score"]).column_names == ["id", "score"]


@pytest.mark.costly
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_the_bytes_of_a_shard_do_not_depend_on_its_parts(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("files")
    numbers = data.draw(st.permutations(range(40)))
    made = ScoreFiles(folder / "drawn", "own")
    while numbers:
        cut = data.draw(st.integers(1, len(numbers)))
        made.add(rows(numbers[:cut]))
        numbers = numbers[cut:]
    made.finish()
    other = ScoreFiles(folder / "whole", "own")
    other.write_shard(0, rows(range(60)).slice(0, 40))
    assert made.shards()[0].read_bytes() == other.shards()[0].read_bytes()


@pytest.mark.costly
def test_a_million_rows_are_few_files(tmp_path, monkeypatch):
    monkeypatch.setattr(scorefiles, "SHARD_ROWS", 8)
    made = ScoreFiles(tmp_path / "scores", "own")
    most = 0
    for start in range(0, 400, 2):
        made.add(rows(range(start, start + 2)))
        most = max(most, len(names(made)))
    assert most <= 400 // 8 + 3
    assert 1_000_000 // SHARD_ROWS < 500


def test_another_process_goes_on_from_them(files):
    again = ScoreFiles(files.folder, "own")
    assert again.resume() == SHARD_ROWS + 9
    assert all((number in again) == (number in files) for number in range(SHARD_ROWS + 20))
    again.add(rows(range(SHARD_ROWS + 9, 2 * SHARD_ROWS)))
    assert names(again) == ["000000.parquet", "000001.parquet"]
    assert again.scores().table().equals(rows(range(2 * SHARD_ROWS)))


def test_parts_of_a_shard_that_came_before_the_crash_go(files):
    parts = {file: file.read_bytes() for file in (files.folder / "parts").iterdir()}
    files.finish()
    for file, content in parts.items():
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    again = ScoreFiles(files.folder, "own")
    assert again.resume() == SHARD_ROWS + 9
    assert names(again) == ["000000.parquet", "000001.parquet"]


def test_a_part_that_is_there_twice_counts_once(files):
    part = files.folder / "parts/000001-0000.parquet"
    shutil.copy(part, part.with_name("000001-0007.parquet"))
    again = ScoreFiles(files.folder, "own")
    assert again.resume() == SHARD_ROWS + 9
    assert not part.with_name("000001-0007.parquet").exists()


def test_what_is_half_written_or_foreign_is_none_of_them(files):
    for name in ("000001.parquet.part", "1.parquet", "notes.txt", "parts/000001-0009.parquet.part"):
        (files.folder / name).write_bytes(b"x")
    assert ScoreFiles(files.folder, "own").resume() == SHARD_ROWS + 9
    assert list(files.shards()) == [0]


def test_a_copy_of_one_shard_in_place_of_another_is_refused(files):
    files.finish()
    shutil.copy(files.folder / "000000.parquet", files.folder / "000001.parquet")
    for call in (files.scores, ScoreFiles(files.folder, "own").resume):
        assert refusal(call) == (
            f"{files.folder}/000001.parquet: holds the scores of shard 0, not 1; take it away and scan again"
        )


def test_the_shard_of_another_run_is_refused(files):
    other = ScoreFiles(files.folder, "other")
    for call in (other.scores, other.resume):
        assert "holds scores of another run; take it away and scan again" in refusal(call)


def test_files_of_another_version_are_refused(files):
    file = files.folder / "000000.parquet"
    pq.write_table(pq.read_table(file).replace_schema_metadata(None), file)
    for call in (files.scores, ScoreFiles(files.folder, "own").resume):
        assert "was written by another version of GradSentry: it does not say" in refusal(call)
    pq.write_table(rows(range(3)).drop_columns("token_ends"), file)
    assert "another version of GradSentry: it lacks `token_ends`" in refusal(files.scores)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_shard(tmp_path, missing):
    made = ScoreFiles(tmp_path / "scores", "own")
    for shard in {0, 1, 2} - {missing}:
        made.write_shard(shard, rows(range(shard * SHARD_ROWS, (shard + 1) * SHARD_ROWS)))
    assert refusal(made.scores) == f"{tmp_path}: a shard of scores is missing; scan again to fill it"


def test_a_shard_that_ends_too_soon(tmp_path):
    made = ScoreFiles(tmp_path / "scores", "own")
    made.write_shard(0, rows(range(9)))
    made.write_shard(1, rows(range(SHARD_ROWS, SHARD_ROWS + 9)))
    assert "a shard of scores is missing" in refusal(made.scores)
    made.write_shard(0, rows(range(SHARD_ROWS)))
    made.write_shard(1, rows([SHARD_ROWS, SHARD_ROWS + 2]))
    assert "was changed since it was written" in refusal(made.scores)


@pytest.mark.parametrize("name", ["000000.parquet", "parts/000001-0001.parquet"])
@pytest.mark.parametrize("cut", [0, 10, -10])
def test_a_cut_file_is_refused_and_scored_again(files, name, cut):
    file = files.folder / name
    lost = pq.read_metadata(file).num_rows
    file.write_bytes(file.read_bytes()[:cut])
    if name.startswith("0"):
        line = refusal(files.scores, error=BrokenScoresError)
        assert line.startswith(f"{file}: cannot be read (")
        assert line.endswith("; scan again: its rows are scored again")
    again = ScoreFiles(files.folder, "own")
    assert again.resume() == SHARD_ROWS + 9 - lost
    assert not file.exists()


@pytest.mark.costly
def test_no_changed_byte_is_believed(tmp_path):
    """Each flipped byte is told of, or changes nothing that is read."""
    made = ScoreFiles(tmp_path / "scores", "own")
    expected = rows(range(50))
    made.write_shard(0, expected)
    file, draw = made.shards()[0], random.Random(0)
    content, refused = file.read_bytes(), 0
    for place in sorted(draw.sample(range(len(content)), 300)):
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        file.write_bytes(changed)
        try:
            assert made.scores().table().equals(expected), place
        except RunError:
            refused += 1
    assert refused > 200


@pytest.mark.slow
def test_reading_them_leaves_nothing_behind_that_aborts_the_process(tmp_path):
    """A scanner's threads let go of the bytes after Python had ended; four runs of five were aborted."""
    ScoreFiles(tmp_path / "scores", "run").write_shard(0, rows(range(60)))
    program = (
        "import torch; from pathlib import Path; from gradsentry.scorefiles import ScoreFiles; "
        f"print(len(ScoreFiles(Path({str(tmp_path / 'scores')!r}), 'run').scores()))"
    )
    for _ in range(8):
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "60\n", "")
