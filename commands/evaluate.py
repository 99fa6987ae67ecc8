"""``looktwice evaluate``: figures that others can check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from looktwice.commands import terminal
from looktwice.commands.evaluate_classification import classification, severity
from looktwice.commands.evaluate_output import AS_JSON, OUT_FILE, deliver, follow
from looktwice.core.errors import InputError, UsageError

if TYPE_CHECKING:
    from looktwice.evaluation.scorer import Scorer
    from looktwice.evaluation.sets import EvaluationSet
    from looktwice.pipeline import Inspector

app = typer.Typer(no_args_is_help=True, help="Measure detection, classification and reasoning.")


@app.command()
def detection(
    data: list[Path] = typer.Option(
        ...,
        "--data",
        help="Folder in the MVTec AD layout, or NAME=FOLDER with a name from `datasets list`. Can be repeated.",
    ),
    cohort: bool = typer.Option(
        False, "--cohort", help="Score the inputs of each dataset as a cohort: compare them with each other."
    ),
    references: int = typer.Option(
        0, "--references", min=0, metavar="K", help="Use K reference images from train/good."
    ),
    draws: int = typer.Option(1, "--draws", min=1, metavar="N", help="Average over N random draws of the references."),
    most: int | None = typer.Option(
        None, "--most", min=1, metavar="N", help="Evaluate at most N normal and N anomalous inputs per dataset."
    ),
    leave_out: bool = typer.Option(
        False, "--leave-out", help="Use weights that were trained without the dataset under test."
    ),
    model: str = typer.Option("nano", "--model", help="Model name or path of an expert file."),
    device: str = typer.Option("auto", "--device", help="auto, cpu or cuda."),
    seed: int = typer.Option(0, "--seed", help="Random seed for drawing references and for the bootstrap."),
    pixel_side: int = typer.Option(
        512, "--pixel-side", min=0, help="Longest image side for pixel metrics; 0 keeps the original size."
    ),
    resume: Path | None = typer.Option(None, "--resume", help="Progress file. Default: next to --out."),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Evaluate detection on benchmark folders in the MVTec AD layout.

    Without --cohort or --references, every input is scored on its own (zero-shot). A run that was stopped resumes when
    it is started again with the same --out (or --resume). The draw of the K references changes the figures of a dataset
    by up to 0.1: --draws repeats the evaluation with further draws (with the seeds that follow --seed) and reports
    their mean and each of them.
    """
    from looktwice.evaluation.detection import evaluate_detection
    from looktwice.evaluation.sets import draw_most, draw_references, open_sets
    from looktwice.evaluation.tables import detection_table

    if draws > 1 and not references:
        raise UsageError("--draws needs --references: it sets how often references are drawn")
    sets, problems = open_sets(data)
    ready = []
    for one in sets:
        try:
            drawn = [draw_references(one, references, seed=seed + i) for i in range(draws)] if references else [one]
            ready += [draw_most(each, most, seed=seed) if most else each for each in drawn]
        except InputError as error:
            problems[one.name] = str(error)
    for message in problems.values():
        terminal.say(f"error: {message}")
    if not ready:
        raise UsageError("none of the folders can be evaluated")
    progress = resume or (out.with_name(f"{out.name}.progress.jsonl") if out else None)
    result = evaluate_detection(
        ready,
        _scorers(model, device=device, cohort=cohort, leave_out=leave_out),
        run={"model": model, "cohort": cohort, "leave_out": leave_out},
        whole_sets=cohort,
        resume_file=progress,
        pixel_side=pixel_side,
        seed=seed,
        follow=follow,
    )
    result["protocol"] = {
        "model": model,
        "cohort": cohort,
        "references": references,
        "draws": draws if references else 0,
        "leave_out": leave_out,
        "most": most,
        "seed": seed,
        "pixel_side": pixel_side,
    }
    result["left_out"] = [{"input": name, "error": message} for name, message in problems.items()]
    deliver(result, out, as_json, lambda: detection_table(result))
    if progress:
        progress.unlink(missing_ok=True)
    skipped = [entry for row in result["sets"] for entry in row["left_out"]]
    for entry in skipped:
        terminal.say(f"left out of {entry['of']}: {entry['input']}: {entry['error']}")
    for row in result["sets"]:
        for note in row["notes"]:
            terminal.say(f"{row['name']}: {note}")
    raise typer.Exit(1 if skipped or problems else 0)


@app.command()
def scores(
    table: Path = typer.Option(..., "--scores", help="CSV with the columns category,label,score (or image_score)."),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Compute image AUROC, AP and F1-max from a table of scores, with the macro mean over categories."""
    from looktwice.evaluation.scores import evaluate_scores, read_scores
    from looktwice.evaluation.tables import SCORE_COLUMNS, category_table

    result = evaluate_scores(read_scores(table))
    deliver(result, out, as_json, lambda: category_table(result, SCORE_COLUMNS))
    for note in result["notes"]:
        terminal.say(note)


app.command()(classification)
app.command()(severity)


@app.command()
def reasoning(
    predictions: Path = typer.Option(..., "--predictions", help='JSON Lines {"id", "answer"}.'),
    references: Path = typer.Option(..., "--references", help='JSON Lines {"id", "answer", "label"?, ...}.'),
    judge: str | None = typer.Option(
        None, "--judge", metavar="openai:MODEL@URL", help="Language model that grades the answers (GPT score)."
    ),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Evaluate answers: detection, ROUGE-L, SBERT, GPT score and grounding (the VisA-D&R protocol)."""
    from looktwice.evaluation.judge import Judge
    from looktwice.evaluation.reasoning import METRICS, evaluate_reasoning
    from looktwice.evaluation.reasoning_records import read_pairs
    from looktwice.evaluation.sentences import open_sentence_encoder
    from looktwice.evaluation.tables import category_table
    from looktwice.reasoning.remote.endpoint import open_chat

    pairs = read_pairs(predictions, references)
    marker = None if judge is None else Judge(*open_chat(judge))
    result = evaluate_reasoning(pairs, encoder=open_sentence_encoder(), judge=marker)
    shown = {name: name.replace("_", " ") for name in METRICS if result["mean"][name] is not None}
    deliver(result, out, as_json, lambda: category_table(result, shown))
    for note in result["notes"]:
        terminal.say(note)
    if pairs.unanswered:
        terminal.say(f"{len(pairs.unanswered)} references have no answer, for example {pairs.unanswered[0]}")
        raise typer.Exit(1)


@app.command()
def transfer(
    cell: list[str] = typer.Option(
        ..., "--cell", metavar="TRAINED,TESTED=FILE", help="Result file of `evaluate detection --out`. Can be repeated."
    ),
    metric: str = typer.Option("image_auroc", "--metric", help="Metric to show."),
    figure: Path | None = typer.Option(None, "--figure", help="Also plot the matrix to this PNG file."),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Combine detection results into a cross-domain matrix: trained on one domain, tested on another."""
    from looktwice.evaluation.tables import transfer_table
    from looktwice.evaluation.transfer import read_cell, transfer_matrix

    result = transfer_matrix(dict(read_cell(text) for text in cell), metric)
    if figure is not None:
        from looktwice.evaluation.figures import draw_transfer

        draw_transfer(figure, result)
    deliver(result, out, as_json, lambda: transfer_table(result))


def _scorers(model: str, *, device: str, cohort: bool, leave_out: bool) -> Callable[[EvaluationSet], Scorer]:
    """Open scorers set by set; sets that need the same one share it."""
    from looktwice.evaluation.scorer import InspectionScorer

    opened: dict[tuple[tuple[Path, ...], tuple[Path, ...], str | None], Scorer] = {}

    def scorer_for(chosen: EvaluationSet) -> Scorer:
        exclude = chosen.dataset if leave_out else None
        members = tuple(sample.path for sample in chosen.test) if cohort else ()
        key = (chosen.references, members, exclude)
        if key not in opened:
            opened.clear()
            opened[key] = InspectionScorer(_open_inspector(model, device, chosen.references, members, exclude))
        return opened[key]

    return scorer_for


def _open_inspector(
    model: str, device: str, references: Sequence[Path], cohort: Sequence[Path], exclude: str | None
) -> Inspector:
    """Open a model for one set; one that was trained on `exclude` is refused."""
    from looktwice.core.errors import WeightsError
    from looktwice.pipeline import Inspector

    inspector = Inspector(model, device, llm="template", references=list(references), cohort=list(cohort))
    if exclude is not None and exclude in inspector.expert.config.trained_on:
        raise WeightsError(
            f"{model} was trained on {exclude}; train an expert without it "
            f"(`looktwice train expert --leave-out {exclude}`) and give its path as --model"
        )
    return inspector
