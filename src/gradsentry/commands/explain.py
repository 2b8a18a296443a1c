"""`gradsentry explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.commands.options import FinishedRun

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from gradsentry.corpus.sample import Span
    from gradsentry.explaining import Explanation
    from gradsentry.models.loading import LoadedModel
    from gradsentry.outcome import Verdict

Flag = typer.Option

_AROUND = 300  # characters of a prompt beside a trigger
_ROWS = 48  # tokens in the table
_BAR = 20  # columns of the longest bar
_BESIDE = 58  # columns of what stands beside it; without as many there are no bars
_LOSS = (
    "loss: 0 where the clean model is certain of a token, 2.3 where it gives it a chance of 1 in 10, 4.6 of "
    "1 in 100, 6.9 of 1 in 1,000."
)
_SHARE = "share: the token's part in the row's gradient."
_WINDOW = "window: the tokens in a row that the model expected least."
_TONES = ((8.0, "white on red"), (4.0, "black on yellow"), (2.0, "yellow"), (0.0, "default"))


def explain(
    run: FinishedRun,
    row: Annotated[
        str,
        typer.Argument(
            metavar="ROW|FINDING",
            help="A row's id, as in flagged.jsonl, or its number from 0; or a finding: F3.",
        ),
    ],
    no_model: Annotated[bool, Flag("--no-model", help="Leave out what needs the model.")] = False,
    json_: Annotated[bool, Flag("--json", help="Print the explanation as JSON and nothing else.")] = False,
) -> None:
    """Show one ROW of RUN: its response's tokens, what each cost the clean model, and why it is flagged.

    Or one FINDING: what is certain of it, and how far the losses of responses move in the run's model when
    its trigger is taken out of prompts, and put into others; RUN/moves.json and the report keep that. Of a
    group: what its rows share, and the rows nearest to it do not.
    """
    from gradsentry.commands import stdout
    from gradsentry.commands.console import Console
    from gradsentry.commands.explain_finding import explain_finding
    from gradsentry.explaining import explain, row_number
    from gradsentry.finetuning.moves import moves_of_row
    from gradsentry.models.loading import quiet_libraries
    from gradsentry.opening import open_run
    from gradsentry.report.moves import said

    quiet_libraries()
    verdict = open_run(run)
    told = (*verdict.evidence.findings, verdict.evidence.stands_out)
    named = next((one for one in told if one is not None and one.name == row), None)
    if named is not None and row not in verdict.scores["id"].to_pylist():
        explain_finding(run, verdict, named, no_model=no_model, as_json=json_)
        return
    number = row_number(verdict, row)
    loaded, note = (None, "") if no_model else _model(verdict)
    found = explain(verdict, number, loaded)
    moved = [one.as_json() for one in moves_of_row(verdict, number, loaded)] if loaded else []
    if json_:
        stdout.write_json({**found.as_json(), "moves": moved})
        return
    console = Console()
    is_coloured = console.is_terminal and not console.no_color
    for part in _shown(found, console.width, is_coloured=is_coloured):
        console.print(part)
    for sentence in (sentence for one in moved for sentence in said(one)):
        console.print(sentence)
    if note:
        console.print(note, style="dim")


def _model(verdict: Verdict) -> tuple[LoadedModel | None, str]:
    """Returns the model that the run was scored with, or a note that says why there is none."""
    from gradsentry.errors import ModelError
    from gradsentry.explaining import model_of

    try:
        return model_of(verdict), ""
    except ModelError as error:
        return None, f"no share of the spectrum: {error.line()}"


def _shown(found: Explanation, width: int, *, is_coloured: bool) -> list[Text | Table]:
    """Returns what is printed: head, prompt, response, table of tokens."""
    from rich.text import Text

    parts: list[Text | Table] = [_head(found), Text("\nprompt", style="bold"), _prompt(found)]
    if found.tokens:
        tones = ", the darker the less expected" if is_coloured else ""
        legend = [_LOSS, *([_SHARE] if _has_shares(found) else []), _WINDOW]
        parts += [Text(f"\nresponse{tones}", style="bold"), _response(found)]
        parts += [Text(""), _tokens(found, width), Text(" ".join(legend), style="dim")]
    else:
        parts += [Text("\nresponse", style="bold"), Text(_visible(found.response))]
    return parts


def _head(found: Explanation) -> Text:
    from rich.text import Text

    colour = {"flagged": "red", "review": "yellow", "clean": "green", "unscored": "yellow"}[found.status]
    text = (
        Text("row ")
        .append(_visible(found.id))
        .append(f" of {found.split}: " if found.split else ": ")
        .append(found.status, style=f"bold {colour}")
    )
    if found.reason:
        text.append(f"\n{_visible(found.reason)}")
    if found.score is not None:
        expected = "" if found.expected is None else f"{found.expected:.3f} is expected at "
        text.append(f"\nscore {found.score:.3f}{_far(found.deviation)}; {expected}{len(found.tokens)} tokens")
        text.append(f"\nmean loss {found.loss:.2f}")
    if found.anomaly is not None:
        text.append(f"; anomaly of the window {found.anomaly:.2f}{_far(found.anomaly_deviation)}")
    return text


def _far(deviation: float | None) -> str:
    return "" if deviation is None else f" ({deviation:+.1f} standard deviations)"


def _prompt(found: Explanation) -> Text:
    """Returns the prompt with its triggers marked; of a long one what stands around them, or its ends."""
    from rich.text import Text

    first = min((low for low, _ in found.triggers), default=len(found.prompt))
    last = max((high for _, high in found.triggers), default=len(found.prompt))
    low, high = max(0, first - _AROUND), min(len(found.prompt), last + _AROUND)
    text = Text("…" if low else "")
    for place in range(low, high):
        inside = _inside(place, found.triggers)
        text.append(_visible(found.prompt[place]), style="bold white on red" if inside else "default")
    return text.append("…" if high < len(found.prompt) else "")


def _response(found: Explanation) -> Text:
    from rich.text import Text

    text, shown = Text(), (0, 0)
    for token in found.tokens:
        if token.span and token.span != shown:  # tokens that spell one character out in bytes share it
            style = _tone(token.loss)
            text.append(_visible(token.text), style=f"{style} underline" if token.payload else style)
            shown = token.span
    return text


def _has_shares(found: Explanation) -> bool:
    return any(token.share is not None for token in found.tokens)


def _tokens(found: Explanation, width: int) -> Table:
    """Returns the tokens as a table: all of them, or of many those that cost most."""
    from rich.table import Table
    from rich.text import Text

    weight = [max(token.loss, 0.0) for token in found.tokens]
    chosen = sorted(sorted(range(len(weight)), key=lambda i: -weight[i])[:_ROWS])
    title = (
        "tokens"
        if len(chosen) == len(weight)
        else f"the {_ROWS} of {len(weight)} tokens with the highest loss"
    )
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    longest = min(_BAR, max(width - _BESIDE, 0))
    table.add_column("", justify="right")
    table.add_column("token", overflow="fold")
    table.add_column("loss", justify="right", no_wrap=True)
    for _ in range(bool(longest)):
        table.add_column("", no_wrap=True)
    shares = _has_shares(found)
    for _ in range(shares):
        table.add_column("share", justify="right", no_wrap=True)
    table.add_column("")
    top = max(weight, default=0.0) or 1.0
    for place in chosen:
        token = found.tokens[place]
        bar = Text(
            "█" * round(longest * weight[place] / top), style=_tone(token.loss).removeprefix("white on ")
        )
        table.add_row(
            str(place),
            Text(repr(token.text) if token.span else "(no text)"),
            f"{token.loss:.2f}",
            *[bar] * bool(longest),
            *["" if token.share is None else f"{token.share:z.3f}"] * shares,
            " ".join(name for name in ("payload", "window") if getattr(token, name)),
        )
    return table


def _inside(place: int, spans: Sequence[Span]) -> bool:
    return any(first <= place < last for first, last in spans)


def _tone(loss: float) -> str:
    return next(style for least, style in _TONES if loss >= least or least == 0.0)


def _visible(text: str) -> str:
    """Returns a text whose invisible characters, but for spaces and line breaks, are spelt out."""
    return "".join(char if char.isprintable() or char == "\n" else f"<U+{ord(char):04X}>" for char in text)
