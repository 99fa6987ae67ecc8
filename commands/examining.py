"""The options of every command that examines inputs, and what they mean: one list, so that no command lacks one."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import typer

from looktwice.commands import terminal
from looktwice.core.discovery import find_parts
from looktwice.core.errors import InputError, UsageError

if TYPE_CHECKING:
    from looktwice.modalities.inputs import Input
    from looktwice.pipeline import Inspector

Command = TypeVar("Command", bound=Callable[..., None])
Names = list[str]

COMPARISON, EXPLANATION = "Comparison with normal inputs", "Explanation"
VOLUMES, CLOUDS = "Volumes", "Point clouds"
"""Headings of the help text."""


# Read from the adapters' files: none of them is imported for a help text.
KINDS = tuple(find_parts("modalities", "ADAPTER"))


@dataclass(frozen=True)
class Examining:
    """What is asked of the inspector; `with_examining_options` fills it in from the command line.

    Examples
    --------
    >>> options = Examining(planes="all", option=["depth=2"]).adapter_options()
    >>> options["planes"], options["depth"]
    ('all', 2)
    """

    model: str = typer.Option("nano", help="Model name (see `looktwice models list`) or path of an expert file.")
    device: str = typer.Option("auto", help="auto, cpu or cuda.")
    modality: str = typer.Option(
        "auto", metavar="KIND", help=f"Kind of input: auto (detected from the content), {', '.join(KINDS)}."
    )
    threshold: float | None = typer.Option(
        None, min=0.0, max=1.0, help="Threshold for score and regions. Default: the model's own."
    )
    allow_remote: bool = typer.Option(
        False, "--allow-remote", help="Allow sending medical data to a server on another machine."
    )
    medical: bool = typer.Option(
        False, "--medical", help="Treat all inputs as medical data, such as scans saved as PNG."
    )
    references: list[Path] = typer.Option(
        [],
        "--references",
        help="Normal inputs of the same category to compare with (few-shot), or a folder of them. Can be repeated.",
        rich_help_panel=COMPARISON,
    )
    cohort: bool = typer.Option(
        False,
        "--cohort",
        help="Compare the inputs with each other; most of them must be normal.",
        rich_help_panel=COMPARISON,
    )
    planes: str = typer.Option(
        "axial", help="Slices used as views of a volume: axial, or all (three planes).", rich_help_panel=VOLUMES
    )
    window: str = typer.Option(
        "auto", help="CT window: auto, the name of a preset, or LEVEL,WIDTH in HU.", rich_help_panel=VOLUMES
    )
    channel: int | None = typer.Option(
        None, min=0, help="Index of the volume in a 4D input, starting at 0.", rich_help_panel=VOLUMES
    )
    case: list[str] = typer.Option(
        [],
        "--case",
        metavar="NAME=PATH,...",
        help="Inspect several scans of one case as one study: flair=A.nii.gz,t1=B.nii.gz. Can be repeated.",
        rich_help_panel=VOLUMES,
    )
    unit: str | None = typer.Option(
        None,
        help="Unit of a cloud's coordinates if the file does not state it: mm, m or inch.",
        rich_help_panel=CLOUDS,
    )
    backend: str = typer.Option(
        "numpy", help="Back end that renders clouds: numpy, open3d or pytorch3d.", rich_help_panel=CLOUDS
    )
    remove_outliers: bool = typer.Option(
        False, "--remove-outliers", help="Exclude stray points from the inspection.", rich_help_panel=CLOUDS
    )
    remove_plane: bool = typer.Option(
        False, "--remove-plane", help="Exclude the supporting plane from the inspection.", rich_help_panel=CLOUDS
    )

    option: list[str] = typer.Option(
        [],
        "--option",
        metavar="NAME=VALUE",
        help="Further option of a kind of input that was added as a plugin. Can be repeated.",
    )

    def find_inputs(self, inputs: Sequence[Path]) -> list[Input]:
        """Return what to examine: each input found, under a folder name of its own, and each case.

        Raises
        ------
        UsageError
            There is nothing, or a folder contains nothing.
        """
        from looktwice.modalities import expand
        from looktwice.modalities.inputs import Input
        from looktwice.modalities.volumes.case import parse_case  # kind: a case is several scans of one patient

        if not inputs and not self.case:
            raise UsageError("nothing to inspect: give an INPUT or a --case")
        try:
            paths = expand(inputs)
        except InputError as error:
            raise UsageError(str(error)) from error
        cases = {spec: next(iter(parse_case(spec).values())) for spec in self.case}
        names = study_folders([*paths, *cases.values()])
        return [
            *(Input(path, name) for path, name in zip(paths, names, strict=False)),
            *(
                Input(path, name, "volume", {"case": spec})  # kind: a case is several scans of one patient
                for (spec, path), name in zip(cases.items(), names[len(paths) :], strict=True)
            ),
        ]

    def open(
        self,
        inputs: Sequence[Any],
        llm: str | None = None,
        max_visual_tokens: int | None = None,
        show_references: bool = False,
    ) -> Inspector:
        """Load the model, and look at what inputs are compared with; `inputs` are the cohort, where one is asked for.

        Raises
        ------
        UsageError
            The options contradict each other, or references cannot be compared with.
        WeightsError
            Weights are missing.
        """
        from looktwice.pipeline import Inspector

        if self.references and self.cohort:
            raise UsageError("give --references or --cohort, not both")
        compared = bool(self.references or self.cohort)
        with terminal.working("loading the model" + " and encoding what to compare with" * compared):
            return Inspector(
                self.model,
                self.device,
                llm,
                self.allow_remote,
                max_visual_tokens,
                references=self.references,
                cohort=list(inputs) if self.cohort else (),
                show_references=show_references,
                threshold=self.threshold,
                modality=self.modality,
                options=self.adapter_options(),
            )

    def adapter_options(self) -> dict[str, Any]:
        """Return the options of the adapters.

        Raises
        ------
        UsageError
            One of `option` is not of the form NAME=VALUE.
        """
        names = ("medical", "planes", "window", "channel", "unit", "backend", "remove_outliers", "remove_plane")
        return {name: getattr(self, name) for name in names} | dict(map(_named_value, self.option))


def _named_value(text: str) -> tuple[str, Any]:
    """Return the name and the value of ``NAME=VALUE``; a value that is no literal of Python is a text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"--option takes NAME=VALUE, not {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def with_examining_options(command: Command) -> Command:
    """Add the options of `Examining` to a command, which takes them together as its argument `examining`."""
    own = inspect.signature(command)
    hints = {**get_type_hints(Examining), **get_type_hints(command)}
    shared = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(Examining)
    ]

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        examining = Examining(**{one.name: arguments.pop(one.name) for one in shared})
        command(**arguments, examining=examining)

    kept = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name])
        for one in own.parameters.values()
        if one.name != "examining"
    ]
    run.__signature__ = own.replace(parameters=[*kept, *shared], return_annotation=None)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in [*kept, *shared]}
    del run.__wrapped__  # typer would look through it
    return run  # type: ignore[return-value]


def study_folders(paths: Sequence[Path]) -> list[str]:
    """Return a folder name for each input, its own stem made unique within the call.

    The names of DICOM series are derived by the adapter and replace these (a folder's name may hold an identity).
    """
    names: list[str] = []
    for path in paths:
        stem = path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}-{number}", number + 1
        names.append(name)
    return names
