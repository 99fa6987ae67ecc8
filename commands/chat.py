"""``looktwice chat``: ask about one study, turn by turn."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from looktwice.commands import terminal
from looktwice.reasoning.registry import reasoner_help

if TYPE_CHECKING:
    from looktwice.core.answer import Answer
    from looktwice.reasoning.base import Reasoner, StudyContext, Turn

LEAVE = {"exit", "quit", "/exit", "/quit"}
HELP = "Ask a question about this study. /views lists the most suspicious views; exit or Ctrl-D quits."


def chat(
    source: Path = typer.Argument(..., metavar="INPUT", help="An image, volume, DICOM series, point cloud or mesh."),
    model: str = typer.Option("nano", help="Model name (see `looktwice models list`) or path of an expert file."),
    llm: str | None = typer.Option(
        None, help=f"Reasoner that answers: {reasoner_help()}. Default: auto, or the language model of --model."
    ),
    max_visual_tokens: int | None = typer.Option(
        None, min=1, help="Maximum number of visual tokens of the input for the language model."
    ),
    allow_remote: bool = typer.Option(
        False, "--allow-remote", help="Allow sending medical data to a server on another machine."
    ),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Inspect one input, then answer questions about it.

    Questions are read from the terminal, or line by line from a pipe. Exit status 2: invalid input or invalid call.
    """
    from looktwice.pipeline import Inspector

    inspector = Inspector(model, device, llm, allow_remote, max_visual_tokens)
    context = inspector.look(source)
    introduce(context)
    converse(inspector.reasoner, context, questions())


def questions() -> Iterator[str]:
    """Yield what is asked: with a prompt on a terminal, else line by line from stdin."""
    while True:
        try:
            if sys.stdin.isatty():
                asked = terminal.stderr.input("[bold]you>[/] ")
            elif not (asked := sys.stdin.readline()):
                return
        except (EOFError, KeyboardInterrupt):
            return
        asked = asked.strip()
        if asked.lower() in LEAVE:
            return
        if asked:
            yield asked


def introduce(context: StudyContext) -> None:
    """Say on stderr what was found before the first question."""
    result = context.result
    terminal.say(
        f"{result.study}: {result.verdict_in_words}, {result.suspicion} suspicious (score {result.score:.2f}, "
        f"threshold {result.threshold:.2f}, {result.views} view{'s' if result.views > 1 else ''})"
    )
    terminal.say(HELP)


def converse(reasoner: Reasoner, context: StudyContext, asked: Iterable[str]) -> list[Turn]:
    """Answer questions one by one, each with all that was said before; return the turns.

    Answers go to stdout while they are written, what they are about and whether they hold to stderr.
    """
    from looktwice.core.errors import LookTwiceError
    from looktwice.reasoning.base import Turn

    history: list[Turn] = []
    for question in asked:
        if question == "/views":
            _list_views(context)
            continue
        written: list[str] = []

        def show(piece: str, written: list[str] = written) -> None:
            written.append(piece)
            terminal.stdout.print(Text(printable(piece)), end="", soft_wrap=True)

        try:
            answer = reasoner.explain(question, context, history, show)
        except LookTwiceError as error:
            # The conversation goes on: a server may be back for the next question.
            terminal.say(f"error: {error}")
            continue
        terminal.stdout.print("" if written else Text(printable(answer.text)))
        _annotate(answer)
        history.append(Turn(question, answer.text))
    return history


def printable(text: str) -> str:
    """Drop control characters, which a model's text could steer the terminal with."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def _annotate(answer: Answer) -> None:
    notes = []
    if answer.fields.get("shown"):
        notes.append(f"about {', '.join(answer.fields['shown'])}")
    if answer.fields.get("contradicts"):
        notes.append(f"contradicts the evidence on: {', '.join(answer.fields['contradicts'])}")
    if answer.fields.get("cut"):
        notes.append("cut short")
    if answer.fields.get("instead_of"):
        notes.append("answered by the template: the evidence supports nothing that the model wrote")
    if notes:
        terminal.stderr.print(Text(f"({'; '.join(notes)})", style="dim"))


def _list_views(context: StudyContext) -> None:
    for finding in context.result.worst_views:
        terminal.say(f"{finding.score:.2f}  {finding.name}")
