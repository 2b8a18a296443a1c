"""A process that forks scans, kills them, and lets each go on until it is done.

    python -m scan.killing PLAN.json

It imports and loads once, so that a kill costs the part of a scan that ran. Windows and shards are small in
it, so that a short scan writes many files; on a Ray cluster, whose workers know no others, they are not.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from gradsentry import scorefiles, scoring
from gradsentry.models.loading import LoadedModel, load_model, quiet_libraries
from gradsentry.screening import scan
from gradsentry.settings import EngineSettings, ScoreSettings

from .clusters import commands, of_group, of_session

# What changes something in a folder, as Python's audit hooks name it, and which argument is the path. A file
# that is written appears by its rename; what a stream holds before that is cut at random moments.
CHANGES = {"os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.link": 1, "shutil.rmtree": 0}


# What is compared are bytes, which do not depend on the processor then.
FLOAT32 = ScoreSettings(dtype="float32")
# How long what a killed scan leaves behind may take to end: a child that has just begun imports first.
GRACE = 120.0


@dataclass(frozen=True)
class Plan:
    """What is scanned, and how often it is killed.

    Attributes:
        data: The rows.
        model: The directory of the model.
        runs: The folder of the runs: `whole`, and one for each kill.
        kills: How many kills strike at least, in turn at changes of the folder and at random moments after
            that, in the same runs; None for one at every change, and as many at random moments.
        engine: What scores: `local`, or `ray` on the cluster that `RAY_ADDRESS` names.
        workers: How many hold the model; one local one is the process that is killed.
        cluster: The session of the processes of the cluster.
    """

    data: str
    model: str
    runs: str
    kills: int | None
    engine: Literal["local", "ray"] = "local"
    workers: int = 1
    cluster: int = 0


def main() -> None:
    """Does what a plan says, and prints how many kills struck a scan that was still running."""
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    if plan.engine == "local":
        scoring.WINDOW_ROWS, scoring.HELD_ROWS, scorefiles.SHARD_ROWS = 32, 8, 64
    else:
        importlib.import_module("gradsentry.engines.ray")
    quiet_libraries()
    loaded = load_model(plan.model, device="cpu", dtype="float32")
    runs = Path(plan.runs)

    assert forked(plan, loaded, "whole") == 0  # the first scan of all imports what the others find there
    model = loaded if (plan.engine, plan.workers) == ("local", 1) else None
    counted = runs / "changes"
    started = time.monotonic()
    assert forked(plan, model, "at-once", counting=counted) == 0
    seconds, changes = time.monotonic() - started, len(counted.read_text())
    draw = random.Random(0)
    places = [*range(changes)] if plan.kills is None else draw.sample(range(changes), changes)
    struck = 0
    for number, place in enumerate(places):
        if plan.kills is not None and struck >= plan.kills:
            break
        how, run = (signal.SIGKILL, signal.SIGTERM)[number % 2], f"at-{place:03d}"
        ended = forked(plan, model, run, how=how, change=place)
        assert ended == -how, (run, ended)
        # What is left of it is killed once more, at a random moment.
        ended = forked(plan, model, run, how=how, after=draw.uniform(0, seconds / 2))
        assert ended in (0, -how), (run, ended)
        struck += 1 + (ended != 0)
        assert forked(plan, model, run) == 0, run
    print(json.dumps({"changes": changes, "struck": struck}))


def forked(
    plan: Plan,
    loaded: LoadedModel | None,
    run: str,
    *,
    how: signal.Signals = signal.SIGKILL,
    change: int | None = None,
    after: float | None = None,
    counting: Path | None = None,
) -> int:
    """Scans in a process of its own, and returns its exit code, negative for a signal.

    Nothing that it began is left then, nor a worker of a cluster.

    Args:
        plan: The plan.
        loaded: The model, to score in this one process; None to score where the plan says.
        run: The name of the run.
        how: The signal that ends it.
        change: Before which change of its folder.
        after: After how many seconds.
        counting: The file that takes a letter for each change.
    """
    place = Path(plan.runs) / run
    engine = EngineSettings() if loaded else EngineSettings(name=plan.engine, workers=plan.workers)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # by its group, what it began is known when it is dead
        _strike_at(place, how, change, counting)
        code = 1
        try:
            model = loaded or plan.model
            scan(plan.data, model, out=place, scoring=FLOAT32, engine=engine, progress=False)
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
    until = time.monotonic() + GRACE
    while left := _left(plan, child):
        assert time.monotonic() < until, (run, left)
        time.sleep(0.05)
    return os.waitstatus_to_exitcode(status)


def _left(plan: Plan, scan: int) -> list[str]:
    """Returns the command lines of what a scan that ended began and that still runs, on the cluster too."""
    actors = commands(of_session(plan.cluster)) if plan.cluster else []
    return [*commands(of_group(scan)), *(one for one in actors if "_Scorer" in one)]


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


def planned(plan: Plan, place: Path, **environment: str) -> dict[str, int]:
    """Runs a plan in a process of its own, with more in its environment, and returns what it printed."""
    import subprocess

    place.write_text(json.dumps(asdict(plan)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", **environment}
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
