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
from looktwice.core.errors import UsageError

if TYPE_CHECKING:
    from looktwice.core.result import Failure
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

    series: list[str] = typer.Option(
        [],
        "--series",
        metavar="UID",
        help="DICOM series to take, by UID or by the name that is listed. Default: all. Can be repeated.",
        rich_help_panel=VOLUMES,
    )
    timeout: float = typer.Option(
        120.0, min=1.0, help="Seconds that reading one DICOM series, NRRD, MetaImage or point cloud may take."
    )
    option: list[str] = typer.Option(
        [],
        "--option",
        metavar="NAME=VALUE",
        help="Further option of a kind of input that was added as a plugin. Can be repeated.",
    )

    def find_inputs(self, inputs: Sequence[Path], out: Path | None = None) -> list[Input | Failure]:
        """Return what to examine: each input found, and each case; say on stderr what else was there.

        Parameters
        ----------
        inputs : sequence of Path
        out : Path, optional
            A folder of results, which is not searched.

        Raises
        ------
        UsageError
            Nothing is given, or a series is chosen that is not there.
        """
        from looktwice.modalities import find_inputs
        from looktwice.modalities.inputs import Input
        from looktwice.modalities.volumes.case import parse_case  # kind: a case is several scans of one patient

        if not inputs and not self.case:
            raise UsageError("nothing to inspect: give an INPUT or a --case")
        cases: list[Input | Failure] = []
        for spec in self.case:
            paths = tuple(parse_case(spec).values())
            known = " ".join(str(path.resolve()) for path in paths)
            cases.append(Input(paths[0], None, "volume", {"case": spec}, "volume", known, paths))  # kind: scans
        with terminal.working("searching"):
            found = find_inputs(inputs, out, self.series)
        for series in [] if self.series else found.groups.values():
            listed = "; ".join(f"{one.name} ({one.about})" for one in series)
            terminal.say(f"{len(series)} series of one examination, choose by --series: {listed}")
        if found.summary():
            terminal.say(found.summary())
        return [*found.inputs, *cases]

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
        from looktwice.modalities.opening import adapters
        from looktwice.pipeline import Inspector

        for adapter in adapters():
            if adapter.check is not None:
                adapter.check(self.adapter_options())
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
                timeout=self.timeout,
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
