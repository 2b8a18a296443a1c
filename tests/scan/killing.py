"""A process that forks scans, kills them, and lets each go on until it is done.

    python -m scan.killing PLAN.json

It imports and loads once, so that a kill costs the part of a scan that ran. Windows and shards are small in
it, so that a short scan writes many files.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from gradsentry import scorefiles, scoring
from gradsentry.models.loading import LoadedModel, load_model, quiet_libraries
from gradsentry.screening import scan

# What changes something in a folder, as Python's audit hooks name it, and which argument is the path. A file
# that is written appears by its rename; what a stream holds before that is cut at random moments.
CHANGES = {"os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.link": 1, "shutil.rmtree": 0}


@dataclass(frozen=True)
class Plan:
    """What is scanned, and how often it is killed.

    Attributes:
        data: The rows.
        model: The directory of the model.
        runs: The folder of the runs: `whole`, and one for each kill.
        kills: How many kills, half of them at changes of the folder and half at random moments after that, in
            the same runs; None for one at every change, and as many at random moments.
    """

    data: str
    model: str
    runs: str
    kills: int | None


def main() -> None:
    """Does what a plan says, and prints how many kills struck a scan that was still running."""
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    scoring.WINDOW_ROWS, scoring.HELD_ROWS, scorefiles.SHARD_ROWS = 32, 8, 64
    quiet_libraries()
    loaded = load_model(plan.model, device="cpu", dtype="float32")
    runs = Path(plan.runs)

    counted = runs / "changes"
    forked(plan, loaded, "warm")  # the first scan of all imports what the others find there
    started = time.monotonic()
    assert forked(plan, loaded, "whole", counting=counted) == 0
    seconds, changes = time.monotonic() - started, len(counted.read_text())
    places = range(changes)
    draw = random.Random(0)
    if plan.kills is not None:
        places = sorted(draw.sample(places, plan.kills // 2))
    struck = 0
    for number, place in enumerate(places):
        how, run = (signal.SIGKILL, signal.SIGTERM)[number % 2], f"at-{place:03d}"
        ended = forked(plan, loaded, run, how=how, change=place)
        assert ended == -how, (run, ended)
        # What is left of it is killed once more, at a random moment.
        ended = forked(plan, loaded, run, how=how, after=draw.uniform(0, seconds / 2))
        assert ended in (0, -how), (run, ended)
        struck += 1 + (ended != 0)
        assert forked(plan, loaded, run) == 0, run
    print(json.dumps({"changes": changes, "struck": struck}))


def forked(
    plan: Plan,
    loaded: LoadedModel,
    run: str,
    *,
    how: signal.Signals = signal.SIGKILL,
    change: int | None = None,
    after: float | None = None,
    counting: Path | None = None,
) -> int:
    """Scans in a process of its own, and returns its exit code, negative for a signal.

    Args:
        plan: The plan.
        loaded: The model.
        run: The name of the run.
        how: The signal that ends it.
        change: Before which change of its folder.
        after: After how many seconds.
        counting: The file that takes a letter for each change.
    """
    place = Path(plan.runs) / run
    child = os.fork()
    if child == 0:
        _strike_at(place, how, change, counting)
        code = 1
        try:
            scan(plan.data, loaded, out=place, progress=False)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    timer = None if after is None else threading.Timer(after, os.kill, (child, how))
    if timer is not None:
        timer.start()
    _, status = os.waitpid(child, 0)
    if timer is not None:
        timer.cancel()
    return os.waitstatus_to_exitcode(status)


def _strike_at(run: Path, how: signal.Signals, change: int | None, counting: Path | None) -> None:
    """Lets the process kill itself before a change of a folder, or counts the changes."""
    seen = 0
    counted = None if counting is None else os.open(counting, os.O_WRONLY | os.O_CREAT)

    def on_event(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event not in CHANGES or not str(arguments[CHANGES[event]]).startswith(str(run)):
            return
        if counted is not None:
            os.write(counted, b".")
        if seen == change:
            os.kill(os.getpid(), how)
        seen += 1

    if change is not None or counted is not None:
        sys.addaudithook(on_event)


def planned(plan: Plan, place: Path) -> dict[str, int]:
    """Runs a plan in a process of its own, and returns what it printed."""
    import subprocess

    place.write_text(json.dumps(asdict(plan)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "scan.killing", str(place)],
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
