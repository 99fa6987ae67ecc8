"""``looktwice evaluate``: figures that others can check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from looktwice.commands import terminal
from looktwice.core.errors import InputError, UsageError
from looktwice.core.result import finite

if TYPE_CHECKING:
    from looktwice.evaluation.scorer import Scorer
    from looktwice.evaluation.sets import EvaluationSet
    from looktwice.evaluation.velm import Taxonomy as VelmTaxonomy
    from looktwice.evaluation.velm import Verdict

Item = TypeVar("Item")

app = typer.Typer(no_args_is_help=True, help="Measure detection, classification and reasoning.")

AS_JSON = typer.Option(False, "--json", help="One JSON object on stdout, nothing else there.")
OUT_FILE = typer.Option(None, "--out", help="Write the JSON object to this file.")


@app.command()
def detection(
    data: list[Path] = typer.Option(
        ..., "--data", help="A folder in the MVTec AD layout, or NAME=FOLDER of `datasets list` (repeat for more)."
    ),
    cohort: bool = typer.Option(False, "--cohort", help="Score the inputs of a set against each other."),
    references: int = typer.Option(0, "--references", min=0, metavar="K", help="Show K normal inputs of train/good."),
    draws: int = typer.Option(1, "--draws", min=1, metavar="N", help="Average over N draws of the references."),
    most: int | None = typer.Option(None, "--most", min=1, metavar="N", help="Test at most N of each kind a set."),
    leave_out: bool = typer.Option(False, "--leave-out", help="Use weights that were trained without the tested set."),
    model: str = typer.Option("nano", "--model", help="Name or path of the model."),
    device: str = typer.Option("auto", "--device", help="auto, cpu or cuda."),
    seed: int = typer.Option(0, "--seed", help="Of the references drawn and of the bootstrap."),
    pixel_side: int = typer.Option(512, "--pixel-side", min=0, help="Longest side for pixel metrics; 0: own size."),
    resume: Path | None = typer.Option(None, "--resume", help="Progress file; default: beside --out."),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Evaluate detection on benchmark folders in the MVTec AD layout.

    Without --cohort or --references every input stands alone. A run that was stopped goes on when it is started again
    with the same --out (or --resume). Which K references are drawn moves the figures of a set by up to a tenth: --draws
    repeats the whole with other draws, of the seeds that follow --seed, and says the mean and every one of them.
    """
    from looktwice.evaluation.detection import evaluate_detection
    from looktwice.evaluation.sets import draw_most, draw_references, open_sets
    from looktwice.evaluation.tables import detection_table

    if draws > 1 and not references:
        raise UsageError("--draws says how often references are drawn: give --references too")
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
        follow=_follow,
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
    _deliver(result, out, as_json, lambda: detection_table(result))
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
    """Compute image AUROC, AP and F1-max from a table of scores, macro over categories."""
    from looktwice.evaluation.scores import evaluate_scores, read_scores
    from looktwice.evaluation.tables import SCORE_COLUMNS, category_table

    result = evaluate_scores(read_scores(table))
    _deliver(result, out, as_json, lambda: category_table(result, SCORE_COLUMNS))
    for note in result["notes"]:
        terminal.say(note)


@app.command()
def classification(
    predictions: Path | None = typer.Option(
        None, "--predictions", help='JSON {"<category>_<class>_<id>": "answer"}; or give --data.'
    ),
    data: list[Path] | None = typer.Option(None, "--data", help="Run the pipeline on a benchmark folder (repeat)."),
    taxonomy: str = typer.Option(
        ..., "--taxonomy", help="JSON {category: {class: [name shown, description]}}; with --data any taxonomy."
    ),
    contours: str = typer.Option("predicted", help="With --data: predicted, or oracle (from ground-truth masks)."),
    examples: int = typer.Option(0, min=0, metavar="N", help="With --data: labelled examples per class, never tested."),
    references: int = typer.Option(16, min=0, metavar="K", help="With --data: normal inputs of train/good shown."),
    llm: str = typer.Option("embedded", help="With --data: who names, as for `looktwice classify`."),
    allow_remote: bool = typer.Option(False, help="Medical data may be sent to a server on another machine."),
    model: str = typer.Option("nano", "--model", help="With --data: name or path of the model."),
    device: str = typer.Option("auto", "--device", help="auto, cpu or cuda."),
    seed: int = typer.Option(0, "--seed", help="Of the examples and references drawn."),
    out: Path | None = typer.Option(None, "--out", help="Folder for result.json and confusion matrices."),
    as_json: bool = AS_JSON,
) -> None:
    """Evaluate classes as VELM does: accuracy, F1 and Cohen's kappa, mean over categories.

    Either of given predictions, or of the pipeline itself on folders in the MVTec AD layout (as MVTec-AC). A run with
    --data that was stopped goes on when it is started again with the same --out.
    """
    from looktwice.evaluation.classification import evaluate_classification
    from looktwice.evaluation.tables import CLASSIFICATION_COLUMNS, category_table

    if (predictions is None) == (not data):
        raise UsageError("give either --predictions, to evaluate them, or --data, to run the pipeline")
    if predictions is not None:
        verdicts, left_out, _ = _read_verdicts(predictions, Path(taxonomy))
        result = {**evaluate_classification(verdicts), "left_out": left_out}
    else:
        protocol = {
            "llm": llm,
            "contours": contours,
            "examples": examples,
            "references": references,
            "seed": seed,
            "allow_remote": allow_remote,
        }
        result = _evaluate_pipeline(data or [], taxonomy, protocol, model=model, device=device, out=out)
    if out is not None:
        from looktwice.evaluation.figures import draw_confusion

        out.mkdir(parents=True, exist_ok=True)
        for name, row in result["categories"].items():
            file = out / f"confusion_{name.replace('/', '_')}.png"
            draw_confusion(file, name.replace("_", " "), row["labels"], row["confusion"])
    _deliver(result, out and out / "result.json", as_json, lambda: category_table(result, CLASSIFICATION_COLUMNS))
    _say_left_out(result["left_out"])


def _read_verdicts(predictions: Path, taxonomy: Path) -> tuple[list[Verdict], dict[str, str], VelmTaxonomy]:
    """Read predictions in VELM's form, and say on stderr how many answers are no class."""
    from looktwice.classification.taxonomy import check_published
    from looktwice.evaluation.velm import UNKNOWN, read_predictions, read_taxonomy

    classes = read_taxonomy(taxonomy)
    for line in check_published(taxonomy):
        terminal.say(line)
    verdicts, left_out = read_predictions(predictions, classes)
    unknown = [verdict.key for verdict in verdicts if verdict.predicted == UNKNOWN]
    if unknown:
        terminal.say(f"{len(unknown)} of {len(verdicts)} answers are no class of the taxonomy, as that to {unknown[0]}")
    return verdicts, left_out, classes


def _evaluate_pipeline(
    data: list[Path], taxonomy: str, protocol: Mapping[str, Any], *, model: str, device: str, out: Path | None
) -> dict[str, Any]:
    from platformdirs import user_cache_path

    from looktwice.evaluation.classification_runner import Protocol, run
    from looktwice.classification.anomaly import Contours
    from looktwice.classification.taxonomy import load_taxonomies
    from looktwice.commands.classify import say_summary
    from looktwice.evaluation.sets import open_sets
    from looktwice.pipeline import Inspector

    taxonomies = load_taxonomies(taxonomy)
    try:
        kind = Contours(protocol["contours"])
    except ValueError:
        raise UsageError(f"--contours is predicted or oracle, not {protocol['contours']!r}") from None
    sets, problems = open_sets(data)
    if not sets:
        raise UsageError(next(iter(problems.values()), "none of the folders can be evaluated"))
    result = run(
        sets,
        taxonomies,
        Inspector(model, device),
        Protocol(**{**protocol, "contours": kind}),
        folder=out,
        cache=user_cache_path("looktwice") / "classify",
        device=device,
        follow=_follow,
    )
    result["left_out"] |= problems
    say_summary(result["summary"])
    for name, row in result["categories"].items():
        shares = {
            "found": "of flawed found",
            "accuracy_of_flawed": "found and named",
            "false_alarms": "of normal called",
        }
        told = [f"{row[key]:.1%} {words}" for key, words in shares.items() if key in row]
        terminal.say(f"{name}: {', '.join(told)}")
    return result


@app.command()
def severity(
    predictions: Path = typer.Option(..., "--predictions", help="As for `evaluate classification`."),
    taxonomy: Path = typer.Option(..., "--taxonomy", help="As for `evaluate classification`."),
    seeds: int = typer.Option(5, "--seeds", min=1, help="Draws of the classes that count as negligible."),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Evaluate normal / negligible / defect: VELM's three-way protocol, mean over draws."""
    from looktwice.evaluation.severity import KINDS, evaluate_severity
    from looktwice.evaluation.tables import category_table, number

    verdicts, left_out, classes = _read_verdicts(predictions, taxonomy)
    result = {**evaluate_severity(verdicts, classes, seeds=seeds), "left_out": left_out}
    _deliver(result, out, as_json, lambda: category_table(result, {kind: kind for kind in KINDS}))
    if not as_json:
        terminal.say(f"mean of the three: {number(result['mean_of_kinds'])}")
    _say_left_out(left_out)


@app.command()
def reasoning(
    predictions: Path = typer.Option(..., "--predictions", help='JSON Lines {"id", "answer"}.'),
    references: Path = typer.Option(..., "--references", help='JSON Lines {"id", "answer", "label"?, ...}.'),
    judge: str | None = typer.Option(None, "--judge", metavar="openai:MODEL@URL", help="Language model that marks."),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Evaluate answers: detection, ROUGE-L, SBERT, GPT score and grounding (the VisA-D&R protocol)."""
    from looktwice.evaluation.judge import open_judge
    from looktwice.evaluation.reasoning import METRICS, evaluate_reasoning
    from looktwice.evaluation.reasoning_records import read_pairs
    from looktwice.evaluation.sentences import open_sentence_encoder
    from looktwice.evaluation.tables import category_table

    pairs = read_pairs(predictions, references)
    marker = None if judge is None else open_judge(judge)
    result = evaluate_reasoning(pairs, encoder=open_sentence_encoder(), judge=marker)
    shown = {name: name.replace("_", " ") for name in METRICS if result["mean"][name] is not None}
    _deliver(result, out, as_json, lambda: category_table(result, shown))
    for note in result["notes"]:
        terminal.say(note)
    if pairs.unanswered:
        terminal.say(f"{len(pairs.unanswered)} references have no answer, as {pairs.unanswered[0]}")
        raise typer.Exit(1)


@app.command()
def transfer(
    cell: list[str] = typer.Option(
        ..., "--cell", metavar="TRAINED,TESTED=FILE", help="A result of `evaluate detection --out` (repeat)."
    ),
    metric: str = typer.Option("image_auroc", "--metric", help="Which mean to show."),
    figure: Path | None = typer.Option(None, "--figure", help="Draw the matrix as a PNG file."),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Arrange detection results as a cross-domain matrix: trained on one domain, tested on another."""
    from looktwice.evaluation.tables import transfer_table
    from looktwice.evaluation.transfer import read_cell, transfer_matrix

    result = transfer_matrix(dict(read_cell(text) for text in cell), metric)
    if figure is not None:
        from looktwice.evaluation.figures import draw_transfer

        draw_transfer(figure, result)
    _deliver(result, out, as_json, lambda: transfer_table(result))


def _scorers(model: str, *, device: str, cohort: bool, leave_out: bool) -> Callable[[EvaluationSet], Scorer]:
    """Open scorers set by set; sets that need the same one share it."""
    from looktwice.scoring import open_scorer

    opened: dict[tuple[tuple[Path, ...], str | None], Scorer] = {}

    def scorer_for(chosen: EvaluationSet) -> Scorer:
        exclude = chosen.dataset if leave_out else None
        key = (chosen.references, exclude)
        if key not in opened:
            opened.clear()
            opened[key] = open_scorer(
                model, device=device, cohort=cohort, references=chosen.references or None, exclude=exclude
            )
        return opened[key]

    return scorer_for


def _follow(items: Iterable[Item], name: str, total: int) -> Iterable[Item]:
    return terminal.track(items, name, total)


def _deliver(result: Mapping[str, Any], out: Path | None, as_json: bool, table: Callable[[], Any]) -> None:
    """Write the result where it was asked for: a file, and either JSON or a table on stdout."""
    record = finite(dict(result))
    if out is not None:
        from looktwice.core.atomic import atomic_path

        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(out) as temporary:
            temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if as_json:
        terminal.emit(record)
    else:
        terminal.stdout.print(table())


def _say_left_out(left_out: Mapping[str, str]) -> None:
    for key, reason in left_out.items():
        terminal.say(f"left out: {key}: {reason}")
    if left_out:
        raise typer.Exit(1)
