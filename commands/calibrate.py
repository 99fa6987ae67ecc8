"""``looktwice calibrate``: a site's own false-alarm rate."""

from __future__ import annotations

from pathlib import Path

import typer

from looktwice.commands import terminal
from looktwice.core.errors import InputError, UsageError


def calibrate(
    normal: list[Path] = typer.Option(
        ..., "--normal", help="Normal inputs of one kind, or a folder of them. Can be repeated."
    ),
    out: Path = typer.Option(..., "--out", help="Calibrated expert to write (.safetensors); use it as --model."),
    references: list[Path] = typer.Option(
        [],
        "--references",
        help="Normal inputs to compare with as `inspect` will, or a folder of them; others than --normal.",
    ),
    cohort: bool = typer.Option(False, "--cohort", help="Calibrate for inputs that are compared with each other."),
    false_alarms: float = typer.Option(
        0.05, min=0.001, max=0.5, help="False-alarm rate: the share of normal inputs that may reach the threshold."
    ),
    model: str = typer.Option("nano", help="Model name or path of an expert file."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    as_json: bool = typer.Option(False, "--json", help="Write one JSON object to stdout, and nothing else."),
) -> None:
    """Recalibrate scores on your own normal data, so that the threshold stands for a false-alarm rate of your choice.

    Nothing is trained: scores are shifted, while their order and the heat maps stay the same. Use the result as
    --model OUT. With --references or --cohort, only inputs that are compared in that way are recalibrated.
    """
    from looktwice.core.result import Failure
    from looktwice.modalities import find_inputs
    from looktwice.pipeline import Inspector
    from looktwice.training.site import site_config

    paths = find_inputs(normal).inputs
    if references and cohort:
        raise UsageError("give --references or --cohort, not both")
    inspector = Inspector(model, device, llm="template", references=references, cohort=paths if cohort else ())
    scores, kinds, sources, failures = [], set(), set[str](), 0
    for examined in terminal.track(inspector.examine(paths), "inspecting", total=len(paths)):
        if isinstance(examined, Failure):
            terminal.say(f"error: {examined.reason}")
            failures += 1
            continue
        scores.append(examined.result.score)
        kinds.add(examined.result.modality)
        sources |= {one.name for one in examined.result.findings}
    if len(kinds) != 1:
        found = ", ".join(sorted(kind.value for kind in kinds)) or "nothing that can be inspected"
        raise UsageError(f"calibrate one kind of input at a time; found {found}")
    kind = kinds.pop()
    try:
        # What is compared is judged by the comparison; what is not, by the sources that were calibrated at all.
        alone = {kind.value, *(sources & inspector.expert.config.calibration.keys())}
        names = {"references"} if references else {"cohort"} if cohort else alone
        config = site_config(inspector.expert.config, scores, names, false_alarms)
    except InputError as error:
        raise UsageError(str(error)) from error
    inspector.expert.config = config
    inspector.expert.save(out)
    above = sum(score >= config.threshold for score in scores)
    if as_json:
        terminal.emit(
            {
                "out": str(out), "modality": kind.value, "normals": len(scores), "left_out": failures,
                "false_alarms": false_alarms, "above_before": above, "threshold": config.threshold,
            }
        )  # fmt: skip
    else:
        terminal.say(
            f"written: {out} ({len(scores)} normal inputs; {above} of them reached {config.threshold:g} before; the "
            f"rate is now {false_alarms:.1%})"
        )
    raise typer.Exit(1 if failures else 0)
