"""What a verdict was made from and with: data, model, settings, time, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradsentry.store import Json

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision


def what_was_run(verdict: Decision) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns what was run with what, in groups of name and value."""
    manifest = verdict.manifest
    identity, source = manifest["identity"], manifest["source"]
    seconds, rows = float(manifest["seconds"]), verdict.counts["rows"]
    resumed = manifest["rows_resumed"]
    speed = f"{rows / seconds:,.1f}" if seconds and not resumed else "not known: the scan was resumed"
    tau = verdict.threshold
    unused = "; it did not decide" if verdict.policy == "evidence" else ""
    reading = {key: value for key, value in identity["data"]["reading"].items() if value is not None}
    return [
        (
            "Data",
            [
                ("name", source["name"]),
                ("rows", f"{rows:,}"),
                ("format", identity["data"]["format"]),
                *([("read", verdict.read.line())] if verdict.read else []),
                *([("splits", ", ".join(verdict.corpus.splits))] if verdict.corpus.splits else []),
                *(("not judged", clause) for clause in verdict.left_out),
                *((key.replace("_", " "), str(value)) for key, value in reading.items() if key != "format"),
                ("SHA-256", identity["data"]["sha256"]),
            ],
        ),
        ("Model", _model(manifest)),
        (
            "Settings",
            [
                *((key.replace("_", " "), str(value)) for key, value in identity.get("score", {}).items()),
                ("policy", verdict.policy),
                ("false alarm rate", f"{verdict.evidence.false_alarm_rate:g}"),
                ("calibration of evidence", verdict.evidence.calibration),
                *([("tau", f"{tau.tau:.6g} ({tau.reason}){unused}")] if tau else []),
            ],
        ),
        (
            "Time",
            [
                ("started", manifest["started"]),
                ("seconds", f"{seconds:,.1f}"),
                ("rows per second", speed),
            ],
        ),
        ("Versions", list(manifest["versions"].items())),
    ]


def _model(manifest: Json) -> list[tuple[str, str]]:
    """Returns which model scored the rows, in names and values."""
    model, identity = manifest["model"], manifest["identity"]
    if model is None:
        return [("name", "none: the texts alone were read")]
    return [
        ("name", model["name"]),
        ("fingerprint", identity["model"]["fingerprint"]),
        ("dtype", identity["model"]["dtype"]),
        ("device", model["device"]),
        ("tied embeddings", "yes" if model["tied_embeddings"] else "no"),
    ]
