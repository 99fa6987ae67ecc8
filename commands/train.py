"""``looktwice train``: the expert, the geometry head and the reasoner."""

from __future__ import annotations

from pathlib import Path

import typer

from looktwice.commands import terminal

app = typer.Typer(
    no_args_is_help=True,
    help="Train the expert, what judges photographs, the geometry network, the tissue probes or the reasoner.",
)

DATA = typer.Option(..., "--data", help="Benchmark folder in the MVTec AD layout. Can be repeated.")
NORMALS = typer.Option([], "--normals", help="Normal inputs: volumes, meshes, images. Can be repeated.")
SEED = typer.Option(0, "--seed", help="Random seed.")
DEVICE = typer.Option("auto", "--device", help="auto, cpu or cuda.")


@app.command()
def expert(
    data: list[Path] = DATA,
    normals: list[Path] = NORMALS,
    out: Path = typer.Option(
        Path("runs/expert"), "--out", help="Output folder for expert.safetensors, training.json and logs."
    ),
    leave_out: list[str] = typer.Option([], "--leave-out", help="Category to leave out of training. Can be repeated."),
    encoder: str = typer.Option("efficientnet_lite0", help="Encoder name (one of `encoders/`)."),
    examples: int = typer.Option(260, min=8, help="Number of examples per source."),
    steps: int = typer.Option(600, min=1, help="Number of training steps of stage 1."),
    seed: int = SEED,
    cache: Path | None = typer.Option(
        None, "--cache", help="Cache folder for encoded examples; several training runs may share it."
    ),
    look_twice: Path | None = typer.Option(
        None, "--look-twice", help="Keep the LTFM weights of this expert and fit only probes and calibration."
    ),
    device: str = DEVICE,
) -> None:
    """Train what sees slices and renderings: LTFM that selects tokens, and the self-reference probes.

    A stopped training resumes when it is started again with the same --out.
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
def photographs(
    data: list[Path] = DATA,
    expert: Path = typer.Option(..., "--expert", help="Expert file whose other parts are kept."),
    normals: list[Path] = NORMALS,
    out: Path = typer.Option(
        Path("runs/photographs"), "--out", help="Output folder for expert.safetensors, training.json and logs."
    ),
    leave_out: list[str] = typer.Option([], "--leave-out", help="Source to leave out of training. Can be repeated."),
    normals_only: list[str] = typer.Option(
        [], "--normals-only", help="Source whose anomalies are not used. Can be repeated."
    ),
    anomalies_only: list[str] = typer.Option(
        [], "--anomalies-only", help="Source whose normal pictures are not used. Can be repeated."
    ),
    donor: list[str] = typer.Option(
        [], "--donor", help="Source whose pictures are pasted into those of others. Can be repeated."
    ),
    held_out: list[Path] = typer.Option(
        [],
        "--held-out",
        help="Expert trained without some of the sources, to measure there what is usual. Can be repeated.",
    ),
    pictures: int = typer.Option(240, min=8, help="Number of pictures per source."),
    steps: int = typer.Option(1000, min=1, help="Number of training steps."),
    seed: int = SEED,
    pool: Path | None = typer.Option(
        None, "--pool", help="Folder for encoded pictures; several training runs may share it."
    ),
    device: str = DEVICE,
) -> None:
    """Train what judges photographs: adapters inside DINOv2, LTFM on its tokens, and each material's usual scores.

    A stopped training resumes when it is started again with the same --out.
    """
    from looktwice.training.adaptation import AdaptationRecipe
    from looktwice.training.photographs import PhotographPlan, train_photographs

    plan = PhotographPlan(
        tuple(data), tuple(normals), tuple(leave_out), tuple(normals_only), tuple(anomalies_only), tuple(donor),
        tuple(held_out), pictures, recipe=AdaptationRecipe(steps=steps, seed=seed),
    )  # fmt: skip
    path = train_photographs(plan, expert, out, pool, device, terminal.track)
    terminal.say(f"written: {path}")


@app.command()
def geometry(
    data: list[Path] = typer.Option(
        ...,
        "--data",
        help="Benchmark folder of clouds with labelled points, in the MVTec AD layout. Can be repeated.",
    ),
    out: Path = typer.Option(
        Path("runs/geometry"), "--out", help="Output folder for head.safetensors and training.json."
    ),
    leave_out: list[str] = typer.Option([], "--leave-out", help="Shape to leave out of training. Can be repeated."),
    start: Path = typer.Option(None, "--start", help="Trained network to go on from. Default: start anew."),
    seed: int = SEED,
) -> None:
    """Train the network that separates damaged from undamaged places of a cloud.

    `datasets synthesize` creates the data. A stopped training resumes when it is started again with the same --out.
    """
    from looktwice.training.geometry import GeometryPlan, train_geometry

    path = train_geometry(
        GeometryPlan(tuple(data), tuple(leave_out), seed=seed, start=start), out, track=terminal.track
    )
    terminal.say(f"written: {path}")


@app.command()
def tissue(
    normals: list[Path] = typer.Option(
        ..., "--normals", help="Normal head scans (T1 or CT), or folders of them. Can be repeated."
    ),
    lesions: Path | None = typer.Option(
        None, "--lesions", help="Folder of binary masks of real lesions, in the space of the scans."
    ),
    out: Path = typer.Option(Path("runs/tissue/head.safetensors"), "--out", help="Output file of the probes."),
    cases: int = typer.Option(80, min=10, help="Number of head scans to synthesise lesions into; about 10 s each."),
    seed: int = SEED,
) -> None:
    """Train the tissue probes on synthetic lesions in normal head scans."""
    from looktwice import modalities
    from looktwice.datasets.files import VOLUMES, listed
    from looktwice.datasets.synthesis.makers import usable_lesions
    from looktwice.modalities.finding import list_inputs
    from looktwice.modalities.volumes.study import VolumeStudy  # kind: tissue is that of heads
    from looktwice.training.tissue import train_tissue

    studies = [modalities.open(one.source, **one.options) for one in list_inputs(list(normals))]
    heads = [study for study in studies if isinstance(study, VolumeStudy)]  # kind: tissue is that of heads
    shapes = [] if lesions is None else usable_lesions(listed(lesions, VOLUMES))
    train_tissue(heads, shapes, cases, seed, terminal.track).save(out)
    terminal.say(f"written: {out}")


@app.command()
def reasoner(
    data: list[Path] = DATA,
    medical: list[Path] = typer.Option([], "--medical", help="The same, with medical images. Can be repeated."),
    normals: list[Path] = typer.Option(
        [], "--normals", help="Normal scans (NIfTI) and meshes, to which anomalies are added. Can be repeated."
    ),
    out: Path = typer.Option(
        Path("runs/reasoner"), "--out", help="Output folder for reasoner.safetensors and checkpoints."
    ),
    leave_out: list[str] = typer.Option(
        [], "--leave-out", help="Category, scan or mesh to leave out of training. Can be repeated."
    ),
    model: str = typer.Option(
        "nano", help="Model whose expert the reasoner works with: a model name or the path of an expert file."
    ),
    lessons: int = typer.Option(
        240, min=4, help="Number of training scenes per category; a quarter of that per scan or mesh."
    ),
    projector_steps: int = typer.Option(60, min=1, help="Training steps for the projector only."),
    steps: int = typer.Option(260, min=1, help="Training steps for projector and adapter together."),
    minutes: float | None = typer.Option(None, min=0.1, help="Time limit for all steps, in minutes."),
    seed: int = SEED,
    device: str = typer.Option("auto", help="Device of the expert: auto, cpu or cuda."),
) -> None:
    """Train the embedded reasoner on the expert's frozen tokens: first the projector, then projector and LoRA.

    A stopped training resumes when it is started again with the same --out.
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
