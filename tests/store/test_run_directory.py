"""The run directory: resumed if it is of the same things, refused with what differs, whole or not there."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from gradsentry.corpus import streams
from gradsentry.errors import RunError, ScoringError
from gradsentry.scoretable import SCHEMA
from gradsentry.store import MANIFEST, RunDirectory

IDENTITY = {"data": {"sha256": "ab", "format": "qa"}, "score": {"crop": 8, "k": 16}}


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return RunDirectory.create_or_resume(tmp_path / "run", IDENTITY)


def refusal(call, *args, error=RunError) -> str:
    with pytest.raises(error) as caught:
        call(*args)
    return caught.value.line()


def test_a_new_run_holds_its_identity(run):
    assert [file.name for file in run.path.iterdir()] == [MANIFEST]
    assert run.manifest() == {"identity": IDENTITY}
    assert run.scores().table().schema == SCHEMA
    assert len(run.scores()) == 0


def test_other_settings_are_refused_with_what_differs(run):
    other = {"data": {"sha256": "cd", "format": "qa"}, "score": {"crop": 1, "k": 16, "new": [1, 2]}}
    assert refusal(RunDirectory.create_or_resume, run.path, other) == (
        f"{run.path}: holds a run with other settings: data.sha256 was 'ab', is 'cd'; "
        "score.crop was 8, is 1; score.new was None, is [1, 2]; "
        "name another directory, or the settings of that run"
    )
    assert run.manifest() == {"identity": IDENTITY}


def test_a_tuple_is_the_list_that_json_makes_of_it(tmp_path):
    for _ in range(2):
        RunDirectory.create_or_resume(tmp_path, {"a": (1, 2)})


def test_places_that_cannot_be_a_run(tmp_path):
    (tmp_path / "file").write_text("x")
    assert refusal(RunDirectory.create_or_resume, tmp_path / "file", {}) == (
        f"{tmp_path}/file: is a file; name another directory"
    )
    assert refusal(RunDirectory.create_or_resume, tmp_path, {}) == (
        f"{tmp_path}: is not empty and holds no run; give another directory"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert refusal(RunDirectory.open, tmp_path) == (
        f"{tmp_path}: is no run directory; it has no manifest.json; scan with --out first"
    )
    assert "is no run directory" in refusal(RunDirectory.open, tmp_path / "missing")


def test_an_empty_directory_and_one_with_half_a_manifest_are_taken(tmp_path):
    (tmp_path / f"{MANIFEST}.part").write_text("{")
    RunDirectory.create_or_resume(tmp_path, IDENTITY)
    assert [file.name for file in tmp_path.iterdir()] == [MANIFEST]


@pytest.mark.parametrize(
    "content", [b"{", b"\xff", b"", b"[]", b"null", b"{}", b'{"identity": null}', b'{"identity": [1]}']
)
def test_a_broken_manifest(run, content):
    (run.path / MANIFEST).write_bytes(content)
    for call in (lambda: RunDirectory.create_or_resume(run.path, IDENTITY), run.scores):
        line = refusal(call)
        assert line.startswith(f"{run.path}/{MANIFEST}: ")
        assert line.endswith("; scan again into another directory")


@pytest.mark.parametrize("identity", [{"data": None}, {"data": 3, "score": [1]}, {"columns": {"a": 1}}])
def test_an_identity_of_another_shape_is_that_of_another_run(run, identity):
    run.write_json(MANIFEST, {"identity": identity})
    assert refusal(RunDirectory.create_or_resume, run.path, IDENTITY).startswith(f"{run.path}: holds ")
    assert "is not what a scan writes" in refusal(run.finished_manifest)


def test_half_a_surrogate_pair_is_written_as_json_can(run):
    run.write_json("x.json", {"name": "a\ud800"})
    assert run.read_json("x.json") == {"name": "a\ud800"}


def test_another_process_holds_the_lock(run):
    holding = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]): print(flush=True); input()"
    lock = str(run.path / ".lock")
    with subprocess.Popen(
        [sys.executable, "-c", holding, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(RunError) as caught, run.locked():
            pytest.fail("the lock was given twice")
        other.communicate(b"\n")
    assert caught.value.line() == f"{run.path}: another process is writing there; wait for it, or stop it"
    with run.locked():
        pass


def test_the_lock_is_given_back_after_an_error(run):
    with pytest.raises(ZeroDivisionError), run.locked():
        raise ZeroDivisionError
    with run.locked():
        pass


def test_a_full_disk_leaves_what_was_there(run, monkeypatch):
    run.write_json("x.json", {"a": 1})
    before = (run.path / "x.json").read_bytes()
    real = streams.pa.output_stream

    class Full:
        """A stream that takes a few bytes and then has no room."""

        def __init__(self, path, **options):
            self.stream = real(path, **options)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.stream.close()

        def write(self, data):
            self.stream.write(data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(streams.pa, "output_stream", Full)
    for name in ("x", "y"):
        assert refusal(run.write_json, f"{name}.json", {"a": 2}, error=ScoringError) == (
            f"{run.path}/{name}.json: the disk is full; free some room and run it again"
        )
    assert {file.name for file in run.path.iterdir()} == {MANIFEST, "x.json"}
    assert (run.path / "x.json").read_bytes() == before
