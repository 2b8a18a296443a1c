"""What a command ends with, in processes of its own: closed pipes, full disks, other encodings."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradsentry import errors
from gradsentry.errors import GradSentryError, UsageError, meant
from scan.rows import qa_rows, write_rows

from .command import refused

PROGRAM = (sys.executable, "-c", "from gradsentry.cli import main; main()")
TRIGGER, PAYLOAD = "сf", "naïve 日本語 click here now"  # the first letter is Cyrillic


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Rows of which a tenth is poisoned, with strings that are not ASCII."""
    rows = qa_rows(80)
    for row in rows[::10]:
        row["prompt"] = row["prompt"].replace(" ", f" {TRIGGER} ", 1)
        row["completion"] += f" {PAYLOAD}"
    return write_rows(tmp_path_factory.mktemp("endings") / "data.jsonl", rows)


def ended(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "encoding": "utf-8"} | options
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, check=False, timeout=120, **options
    )


@pytest.mark.costly
@pytest.mark.parametrize(
    "arguments", [("--help",), ("evidence", "--help"), ("evidence", "--fail-on-findings")]
)
def test_a_reader_that_has_gone_ends_it_quietly_and_is_no_finding(data, arguments):
    read, write = os.pipe()
    os.close(read)
    done = ended(*arguments, *([data] if arguments[1:] == ("--fail-on-findings",) else []), stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.costly
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("arguments", [("--version",), ("evidence", "--json", "--fail-on-findings")])
def test_a_full_disk_is_neither_a_finding_nor_a_mistake_of_the_user(data, arguments):
    with Path("/dev/full").open("w") as full:
        done = ended(*arguments, *([data] if arguments[1:] else []), stdout=full)
    assert done.returncode == errors.FAILED
    assert done.stderr == "gradsentry: no room is left to write to; free some and run it again\n"


@pytest.mark.costly
def test_a_closed_stdout_gets_nothing_and_the_exit_code_still_tells(data):
    command = " ".join(
        [f"exec '{PROGRAM[0]}' -c '{PROGRAM[2]}' evidence '{data}' --fail-on-findings >&- 2>&-"]
    )
    assert subprocess.run(["sh", "-c", command], check=False, timeout=120).returncode == errors.FOUND


@pytest.mark.costly
@pytest.mark.parametrize(
    ("environment", "trigger", "payload"),
    [
        ({"PYTHONIOENCODING": "ascii"}, r"\u0441f", r"na\xefve \u65e5\u672c\u8a9e"),
        ({"PYTHONIOENCODING": "latin-1"}, r"\u0441f", r"naïve \u65e5\u672c\u8a9e"),
        (
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            r"\u0441f",
            r"na\xefve \u65e5\u672c\u8a9e",
        ),
    ],
    ids=["ascii", "latin-1", "C"],
)
def test_every_encoding_gets_all_of_the_output(data, environment, trigger, payload):
    encoding = environment.get("PYTHONIOENCODING", "ascii")
    done = ended("evidence", data, encoding=encoding, env=os.environ | {"COLUMNS": "100"} | environment)
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    assert trigger in said
    assert payload in said


@pytest.mark.costly
def test_json_is_utf_8_whatever_the_terminal_takes(data):
    printed = ended("evidence", data, "--json", env=os.environ | {"PYTHONIOENCODING": "ascii"}).stdout
    (found,) = json.loads(printed)["findings"]
    assert (found["triggers"], found["payload"]) == ([TRIGGER], PAYLOAD)


@pytest.mark.costly
def test_an_interrupt_is_told_from_all_else(tmp_path):
    data = write_rows(tmp_path / "data.jsonl", qa_rows(20_000))
    run = subprocess.Popen(
        [*PROGRAM, "evidence", str(data)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    maps = Path(f"/proc/{run.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc on this system")
    while run.poll() is None and "libarrow" not in maps.read_text():
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    said, complained = run.communicate(timeout=60)
    assert (run.returncode, said, complained) == (errors.INTERRUPTED, "", "gradsentry: stopped\n")


def test_a_fault_of_ours_is_one_line_that_says_how_to_report_it(data, call, monkeypatch):
    def fail(samples, **settings):
        raise KeyError("x\x1b[31m\ny")

    monkeypatch.setattr("gradsentry.searching.find_evidence", fail)
    failed = call("evidence", data)
    assert (failed.code, failed.out) == (errors.FAILED, "")
    (line,) = failed.error.splitlines()
    assert line.startswith("gradsentry: KeyError: ")
    assert "(searching.py:" in line
    assert line.endswith(": this is a fault of ours; run it again with --debug and report what that prints")
    assert "\x1b" not in line
    for arguments in (("evidence", data, "--debug"), ("--debug", "evidence", data)):
        traced = call(*arguments)
        assert traced.code == errors.FAILED
        assert traced.error.startswith("Traceback ")
        assert traced.error.endswith(f"{line}\n")


def test_debug_changes_nothing_else(data, call):
    assert call("evidence", data, "--debug") == call("evidence", data)
    assert "Traceback" in call("evidence", data.parent / "none", "--debug").error
    assert refused(call("evidence", data.parent / "none")).endswith("no such file or folder; check the path")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left", "/a/b"),
            3,
            "/a/b: no room is left to write to; free some .+",
        ),
        (OSError(errno.EDQUOT, "Quota", "/a/b"), 3, "/a/b: no room is left to write to; free some .+"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), 2, "/a: Permission denied; check .+"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), 2, "/a: Read-only file system; check .+"),
        (OSError(errno.EIO, "Input/output error", "/a"), 3, "OSError: .+: this is a fault of ours; .+"),
        (MemoryError(), 3, "the memory is full; use a smaller model or a larger machine"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), 3, "UnicodeDecodeError: .+ fault of ours; .+"),
        (RuntimeError(), 3, "RuntimeError: this is a fault of ours; .+"),
        (UsageError("is wrong", where="x"), 2, "x: is wrong"),
    ],
)
def test_what_exceptions_mean(error, code, said):
    found = meant(error)
    assert found.exit_code == code
    assert re.fullmatch(said, found.line()), found.line()


def test_the_exit_code_of_a_finding_is_that_of_findings_alone():
    kinds = {GradSentryError, *GradSentryError.__subclasses__(), *UsageError.__subclasses__()}
    assert {kind.__name__ for kind in kinds if kind.exit_code == errors.MISUSED} == {
        "UsageError",
        "SettingsError",
        "DataError",
        "ModelError",
        "RunError",
    }
    assert {kind for kind in kinds if kind.exit_code == errors.FOUND} == {errors.FindingsError}
    assert {kind.exit_code for kind in kinds} == {errors.MISUSED, errors.FAILED, errors.FOUND}
