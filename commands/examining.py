"""The options of every command that examines inputs, and what they mean: one list, so that no command lacks one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import typer

from looktwice.commands import terminal
from looktwice.core.errors import InputError, UsageError

if TYPE_CHECKING:
    from looktwice.pipeline import Input, Inspector

Command = TypeVar("Command", bound=Callable[..., None])
Names = list[str]


@dataclass(frozen=True)
class Examining:
    """What is asked of the inspector; `with_examining_options` fills it in from the command line."""

    model: str = typer.Option("nano", help="Name of a model (`looktwice models list`) or path of an expert.")
    device: str = typer.Option("auto", help="auto, cpu or cuda.")
    modality: str = typer.Option(
        "auto", metavar="auto|image|volume|pointcloud", help="Detected from file content by default."
    )
    threshold: float | None = typer.Option(
        None, min=0.0, max=1.0, help="Threshold of score and regions; default: the model's."
    )
    references: list[Path] = typer.Option(
        [], "--references", help="Normal inputs of the same kind to compare with, or a folder of them (repeatable)."
    )
    cohort: bool = typer.Option(False, "--cohort", help="Compare the inputs with each other; most must be normal.")
    comparison: str = typer.Option(
        "levels",
        metavar="levels|tiles",
        help="How photographs are compared with references: by several feature levels, or whole and in 2 × 2 tiles.",
    )
    allow_remote: bool = typer.Option(False, help="Allow medical data to be sent to a server on another machine.")
    medical: bool = typer.Option(False, "--medical", help="Treat all inputs as medical data (scans saved as PNG).")
    planes: str = typer.Option("axial", help="Slice planes of a volume: axial or all.")
    window: str = typer.Option("auto", help="CT window: auto, the name of a preset, or LEVEL,WIDTH in HU.")
    channel: int | None = typer.Option(None, min=0, help="Index of the volume in a 4D input, from 0.")
    case: list[str] = typer.Option(
        [],
        "--case",
        metavar="NAME=PATH,...",
        help="Scans of one case as one study: flair=A.nii.gz,t1=B.nii.gz (repeatable).",
    )
    unit: str | None = typer.Option(None, help="Unit of a cloud's coordinates if the file has none: mm, m or inch.")
    backend: str = typer.Option("numpy", help="Renderer of clouds: numpy, open3d or pytorch3d.")
    remove_outliers: bool = typer.Option(False, "--remove-outliers", help="Clouds: do not inspect stray points.")
    remove_plane: bool = typer.Option(False, "--remove-plane", help="Clouds: do not inspect the plane underneath.")

    def find_inputs(self, inputs: Sequence[Path]) -> list[Input]:
        """Return what to examine: each input found, under a folder name of its own, and each case.

        Raises
        ------
        UsageError
            There is nothing, or a folder holds nothing.
        """
        from looktwice.modalities import expand
        from looktwice.modalities.volumes.case import parse_case  # kind: a case is several scans of one patient
        from looktwice.pipeline import Input

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
        with terminal.working("loading the model" + ", then what to compare with" * compared):
            return Inspector(
                self.model,
                self.device,
                llm,
                self.allow_remote,
                max_visual_tokens,
                references=self.references,
                cohort=list(inputs) if self.cohort else (),
                comparison=self.comparison,
                show_references=show_references,
                threshold=self.threshold,
                modality=self.modality,
                options=self.adapter_options(),
            )

    def adapter_options(self) -> dict[str, Any]:
        """Return the options of the adapters."""
        names = ("medical", "planes", "window", "channel", "unit", "backend", "remove_outliers", "remove_plane")
        return {name: getattr(self, name) for name in names}


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
