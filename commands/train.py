"""``looktwice train``: the expert, the geometry head and the reasoner."""

from __future__ import annotations

from pathlib import Path

import typer

from looktwice.commands import terminal

app = typer.Typer(no_args_is_help=True, help="Train the expert, the geometry head or the reasoner.")


@app.command()
def expert(
    data: list[Path] = typer.Option(..., "--data", help="Benchmark folder in the MVTec AD layout (repeat for more)."),
    normals: list[Path] = typer.Option([], "--normals", help="Normal inputs: volumes, meshes, pictures (repeat)."),
    out: Path = typer.Option(Path("runs/expert"), "--out", help="Folder for expert.safetensors, card and logs."),
    leave_out: list[str] = typer.Option([], "--leave-out", help="A category not to be seen in training (repeat)."),
    encoder: str = typer.Option("efficientnet_lite0", help="See `encoders.registry`."),
    examples: int = typer.Option(260, min=8, help="Examples drawn from each source."),
    steps: int = typer.Option(600, min=1, help="Steps of stage 1."),
    seed: int = typer.Option(0, help="Of everything that is drawn at random."),
    cache: Path | None = typer.Option(None, "--cache", help="Folder for encoded examples that trainings share."),
    look_twice: Path | None = typer.Option(
        None, "--look-twice", help="An expert whose Look-Twice is kept: only heads and calibration are fitted."
    ),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
) -> None:
    """Train Look-Twice on frozen tokens of real and synthetic anomalies, then fit the fusion head.

    A stopped training goes on when it is started again with the same --out.
    """
    from looktwice.training.run import Plan, train_expert

    plan = Plan(
        data=tuple(data),
        normals=tuple(normals),
        left_out=tuple(leave_out),
        encoder=encoder,
        examples=examples,
        steps=steps,
        seed=seed,
        cache=cache,
        look_twice=look_twice,
    )
    path = train_expert(plan, out, device=device, track=terminal.track)
    terminal.say(f"written: {path}")


@app.command()
def geometry(
    data: list[Path] = typer.Option(..., "--data", help="Clouds with labelled points, MVTec AD layout (repeat)."),
    out: Path = typer.Option(Path("runs/geometry"), "--out", help="Folder for head.safetensors and training.json."),
    leave_out: list[str] = typer.Option([], "--leave-out", help="A shape not to be seen in training (repeat)."),
    seed: int = typer.Option(0, help="Of everything that is drawn at random."),
) -> None:
    """Train the head that tells damaged places of a cloud from sound ones; `datasets synthesize` makes the data.

    A stopped training goes on when it is started again with the same --out.
    """
    from looktwice.training.geometry import GeometryPlan, train_geometry

    path = train_geometry(GeometryPlan(tuple(data), tuple(leave_out), seed=seed), out, track=terminal.track)
    terminal.say(f"written: {path}")


@app.command()
def tissue(
    normals: list[Path] = typer.Option(..., "--normals", help="Normal heads, T1 or CT, or folders of them (repeat)."),
    lesions: Path | None = typer.Option(
        None, "--lesions", help="A folder of binary masks of real lesions in their space."
    ),
    out: Path = typer.Option(Path("runs/tissue/head.safetensors"), "--out", help="The head's file."),
    cases: int = typer.Option(80, min=10, help="Heads to paint lesions into; some 10 s each."),
    seed: int = typer.Option(0, help="Of everything that is drawn at random."),
) -> None:
    """Teach the tissue source to tell lesions from healthy heads, by lesions painted into the latter."""
    from looktwice import modalities
    from looktwice.datasets.files import VOLUMES, listed
    from looktwice.datasets.synthesis.makers import usable_lesions
    from looktwice.modalities.volumes.study import VolumeStudy  # kind: tissue is that of heads
    from looktwice.training.tissue import train_tissue

    studies = [modalities.open(path) for path in modalities.expand(normals)]
    heads = [study for study in studies if isinstance(study, VolumeStudy)]  # kind: tissue is that of heads
    shapes = [] if lesions is None else usable_lesions(listed(lesions, VOLUMES))
    train_tissue(heads, shapes, cases, seed, terminal.track).save(out)
    terminal.say(f"written: {out}")


@app.command()
def reasoner(
    data: list[Path] = typer.Option(..., "--data", help="Benchmark folder in the MVTec AD layout (repeat for more)."),
    medical: list[Path] = typer.Option([], "--medical", help="The same, of medical pictures (repeat)."),
    normals: list[Path] = typer.Option([], "--normals", help="Sound scans (NIfTI) and meshes, to damage (repeat)."),
    out: Path = typer.Option(Path("runs/reasoner"), "--out", help="Folder for reasoner.safetensors and checkpoints."),
    leave_out: list[str] = typer.Option([], "--leave-out", help="A category, scan or mesh not to be seen (repeat)."),
    model: str = typer.Option("nano", help="Whose expert the reasoner belongs to: a name, or an expert's path."),
    lessons: int = typer.Option(240, min=4, help="Drawn from each category; a quarter as many from a scan or mesh."),
    projector_steps: int = typer.Option(60, min=1, help="Steps of the projector alone."),
    steps: int = typer.Option(260, min=1, help="Steps of projector and adapter."),
    minutes: float | None = typer.Option(None, min=0.1, help="Longest time for all steps."),
    seed: int = typer.Option(0, help="Of everything that is drawn at random."),
    device: str = typer.Option("auto", help="Of the expert: auto, cpu or cuda."),
) -> None:
    """Teach the embedded reasoner: the projector alone, then projector and LoRA, on the expert's frozen tokens.

    A stopped training goes on when it is started again with the same --out.
    """
    from looktwice.core.device import resolve_device
    from looktwice.evidence.expert_file import load_expert
    from looktwice.models import expert_path
    from looktwice.training.reasoner import ReasonerPlan, train_reasoner

    plan = ReasonerPlan(
        data=tuple(data),
        medical=tuple(medical),
        normals=tuple(normals),
        left_out=tuple(leave_out),
        lessons=lessons,
        projector_steps=projector_steps,
        steps=steps,
        minutes=minutes,
        seed=seed,
    )
    expert = load_expert(expert_path(model), resolve_device(device))
    path = train_reasoner(plan, expert, out, track=terminal.track, report=terminal.say)
    terminal.say(f"written: {path}")
