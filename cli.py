"""The ``looktwice`` command: parse, call, print.

Nothing heavy is imported before a command runs, so that ``looktwice --help`` answers at once.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from inspect import getdoc

import typer

from looktwice.commands import datasets, evaluate, models, terminal, train
from looktwice.commands.calibrate import calibrate
from looktwice.commands.chat import chat
from looktwice.commands.classify import classify
from looktwice.commands.doctor import doctor
from looktwice.commands.inspect import inspect
from looktwice.commands.render import render
from looktwice.core.errors import LookTwiceError

app = typer.Typer(
    name="looktwice",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Find and explain anomalies in photographs, CT/MRI volumes and point clouds.",
)


app.command()(inspect)
app.command()(classify)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(train.app, name="train")
app.command()(calibrate)
app.command()(chat)
app.command()(render)
app.add_typer(models.app, name="models")
app.add_typer(datasets.app, name="datasets")
app.command()(doctor)


def _flow(group: typer.Typer) -> None:
    """Join the lines of each paragraph of the help texts, so that a terminal of any width wraps them itself."""
    for command in group.registered_commands:
        paragraphs = (getdoc(command.callback) or "").split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _flow(inner.typer_instance)


_flow(app)


def _version(asked: bool) -> None:
    if asked:
        from looktwice.core.version import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    debug: bool = typer.Option(False, "--debug", help="Show the full traceback if there is an error."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Find and explain anomalies in photographs, CT/MRI volumes and point clouds."""
    context.obj = {"debug": debug}
    if not debug:
        # Libraries warn of values in single files, with paths of their own source.
        warnings.simplefilter("ignore")


def main() -> None:
    """Run the command line; errors meant for users become one line on stderr and exit status 2."""
    try:
        app()
    except LookTwiceError as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        terminal.say(f"error: {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
