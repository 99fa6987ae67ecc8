"""``looktwice classify``: find what does not belong, and name its kind."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from looktwice.classification.namers import DEFAULT, namer_help
from looktwice.commands import terminal
from looktwice.commands.inspect import ModalityChoice, study_folders
from looktwice.core.errors import InputError, UsageError

if TYPE_CHECKING:
    from looktwice.classification.classifier import Classification, Classifier
    from looktwice.classification.detection import Detector
    from looktwice.classification.taxonomy import Taxonomy


def classify(
    context: typer.Context,
    inputs: list[Path] = typer.Argument(
        ..., metavar="INPUT...", help="Picture, volume, DICOM series, point cloud, or a folder of them."
    ),
    taxonomy: str = typer.Option(..., "--taxonomy", "-t", help="A taxonomy's file (YAML, JSON), or a built-in name."),
    category: str | None = typer.Option(None, help="Which category, where the taxonomy has several."),
    references: Path | None = typer.Option(None, help="Folder of normal inputs of the same kind; or one such input."),
    examples: Path | None = typer.Option(None, help="Folder of labelled examples: DIR/<class>/<input>, from one each."),
    llm: str = typer.Option(DEFAULT, help=f"Who names: {namer_help()}."),
    allow_remote: bool = typer.Option(False, help="Medical data may be sent to a server on another machine."),
    cache: Path | None = typer.Option(None, help="Folder for a language model's answers; default: the user's cache."),
    out: Path | None = typer.Option(None, "--out", "-o", help="Write contours and records to OUT/<study>/."),
    model: str = typer.Option("nano", help="A model's name (`looktwice models list`) or the path of an expert."),
    modality: ModalityChoice = typer.Option(ModalityChoice.AUTO, help="Told by content unless given."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    threshold: float | None = typer.Option(None, min=0.0, max=1.0, help="Of the score; below it: normal."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per study on stdout, nothing else there."),
) -> None:
    """Detect anomalies and name their kind out of a taxonomy; what is normal is shown to no language model.

    Exit status: 0 all done; 1 some inputs failed, the others are done; 2 the call itself is wrong.
    """
    from looktwice.classification.classifier import summarise
    from looktwice.classification.taxonomy import load_taxonomies, select
    from looktwice.modalities import expand

    chosen = select(load_taxonomies(taxonomy), category)
    try:
        paths = expand(inputs)
        normal = [] if references is None else expand([references])
    except InputError as error:
        raise UsageError(str(error)) from error
    detector, classifier = _open(
        chosen,
        normal,
        examples,
        llm=llm,
        allow_remote=allow_remote,
        cache=cache,
        model=model,
        device=device,
        threshold=threshold,
    )
    records: list[dict[str, Any]] = []
    names = study_folders(paths)
    for path, name in terminal.track(zip(paths, names, strict=True), "classifying", total=len(paths)):
        try:
            found = classifier.classify(detector.detect(path, modality.value))
            record = found.to_json()
            if out is not None:
                from looktwice.classification.classifier import write_classification

                record["artifacts"] = write_classification(found, record, out / _folder(found, name))
        except InputError as error:
            if context.obj and context.obj.get("debug"):
                traceback.print_exc()
            terminal.say(f"error: {error}")
            record = {"input": str(path), "error": str(error)}
        records.append(record)
        if as_json:
            terminal.emit(record)
    if not as_json:
        _print_table(records)
    summary = summarise(records)
    if out is not None:
        from looktwice.classification.classifier import write_json

        write_json(summary, out / "summary.json")
    say_summary(summary)
    raise typer.Exit(1 if summary["failed"] else 0)


def _open(
    taxonomy: Taxonomy,
    references: list[Path],
    examples: Path | None,
    *,
    llm: str,
    allow_remote: bool,
    cache: Path | None,
    model: str,
    device: str,
    threshold: float | None,
) -> tuple[Detector, Classifier]:
    from platformdirs import user_cache_path

    from looktwice.classification.classifier import Classifier
    from looktwice.classification.detection import Detector
    from looktwice.classification.examples import detect_in_examples, find_examples
    from looktwice.classification.namers import open_namer
    from looktwice.pipeline import Inspector

    found = {} if examples is None else find_examples(examples, taxonomy)
    inspector = Inspector(model, device)
    detector = Detector(inspector, references, taxonomy.drawing, threshold)
    anomalies, outlined, problems = detect_in_examples(detector.detect, found)
    if problems:
        raise UsageError(problems[0])
    detector.learn(outlined)
    namer = open_namer(
        llm,
        taxonomy,
        inspector.expert.encoder,
        examples=anomalies,
        allow_remote=allow_remote,
        cache=cache or user_cache_path("looktwice") / "classify",
        device=device,
    )
    return detector, Classifier(namer)


def _folder(found: Classification, name: str) -> str:
    """Name the study's folder: an input's own stem, but for a DICOM series, whose folder may hold an identity."""
    study = found.detection.study
    return study.name if study.source.is_dir() or study.name != study.source.stem else name


def _print_table(records: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for header in ("study", "score", "class", "confidence", "severity", "why"):
        table.add_column(header, justify="right" if header in ("score", "confidence") else "left")
    for record in records:
        if "error" in record:
            continue
        confidence = "–" if record["confidence"] is None else f"{record['confidence']:.2f}"
        why = record["problem"] or record["why"] or ""
        table.add_row(
            escape(record["study"]),
            f"{record['score']:.2f}",
            escape(record["name"]),
            confidence,
            record["severity"],
            escape(why),
        )
    if table.row_count:
        terminal.stdout.print(table)


def say_summary(summary: dict[str, Any]) -> None:
    """Say on stderr what became of the inputs, and what it cost."""
    tokens = summary["tokens"]
    parts = [
        f"{summary['inputs']} inputs",
        f"{summary['normal']} normal",
        *(f"{count} {key}" for key, count in summary["classes"].items()),
        f"{summary['unknown']} unknown",
        f"{summary['failed']} failed",
    ]
    terminal.say(", ".join(parts))
    if summary["answers_not_taken"]:
        terminal.say(f"{summary['answers_not_taken']} answers were no class of the taxonomy and count as unknown")
    if summary["another_object"]:
        terminal.say(f"{summary['another_object']} inputs look unlike every reference: check the references")
    terminal.say(
        f"{summary['calls']} calls to a language model ({summary['cached']} answers from the cache), "
        f"{tokens['prompt']} + {tokens['answer']} tokens, {summary['seconds']:.1f} s"
    )
