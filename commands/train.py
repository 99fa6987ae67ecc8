"""``looktwice train``: the expert."""

from __future__ import annotations

from pathlib import Path

import typer

from looktwice.commands import terminal

app = typer.Typer(no_args_is_help=True, help="Train the expert.")


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
    )
    path = train_expert(plan, out, device=device, track=terminal.track)
    terminal.say(f"written: {path}")
