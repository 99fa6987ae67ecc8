"""``looktwice classify``: find what does not belong, and name its kind."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from looktwice.classification.namers import DEFAULT, namer_help
from looktwice.commands import terminal
from looktwice.commands.examining import Examining, with_examining_options
from looktwice.core.errors import InputError, UsageError

if TYPE_CHECKING:
    from looktwice.classification.anomaly import Anomaly
    from looktwice.classification.classifier import Classifier
    from looktwice.classification.taxonomy import Taxonomy
    from looktwice.pipeline import Inspector


@with_examining_options
def classify(
    context: typer.Context,
    examining: Examining,
    inputs: list[Path] = typer.Argument(
        None, metavar="INPUT...", help="Image, volume, DICOM series, point cloud or mesh, or a folder of these."
    ),
    taxonomy: str = typer.Option(
        ..., "--taxonomy", "-t", help="Taxonomy: a YAML or JSON file, or the name of a built-in one."
    ),
    category: str | None = typer.Option(None, help="Category to use if the taxonomy has several."),
    examples: Path | None = typer.Option(
        None, help="Folder of labelled examples, DIR/<class>/<input>; one per class is enough."
    ),
    llm: str = typer.Option(DEFAULT, help=f"Namer: {namer_help()}."),
    cache: Path | None = typer.Option(
        None, help="Cache folder for answers of language models. Default: the user's cache."
    ),
    out: Path | None = typer.Option(None, "--out", "-o", help="Write contours and results to OUT/<study>/."),
    as_json: bool = typer.Option(False, "--json", help="Write one JSON object per study to stdout, and nothing else."),
) -> None:
    """Detect anomalies as `inspect` does, and classify them using a taxonomy.

    Normal inputs are never sent to a language model. Exit status: 0 all inputs done; 1 some inputs failed, the others
    are done; 2 invalid call, nothing was started.
    """
    from looktwice.classification.anomaly import Detection
    from looktwice.classification.classifier import summarise, write_classification
    from looktwice.classification.examples import examine_examples, find_examples
    from looktwice.classification.taxonomy import load_taxonomies, select
    from looktwice.core.atomic import write_json
    from looktwice.core.result import Failure, finite

    chosen = select(load_taxonomies(taxonomy), category)
    sources = examining.find_inputs(inputs or [], out)
    inspector = examining.open(sources, "template", show_references=True)
    anomalies, outlined, problems = examine_examples(
        inspector, {} if examples is None else find_examples(examples, chosen)
    )
    if problems:
        raise UsageError(problems[0])
    classifier = open_classifier(
        inspector,
        chosen,
        anomalies,
        llm=llm,
        allow_remote=examining.allow_remote,
        device=examining.device,
        cache=cache,
    )
    inspector = inspector.with_examples(outlined)
    records: list[dict[str, Any]] = []
    examined = zip(sources, inspector.examine(sources), strict=True)
    for source, one in terminal.track(examined, "classifying", total=len(sources)):
        try:
            if isinstance(one, Failure):
                raise one.reason
            found = classifier.classify(Detection.of(one, inspector.map_threshold, inspector.reference_view))
            record = found.to_json()
            if out is not None:
                record["artifacts"] = write_classification(found, record, out / found.detection.study.name)
        except InputError as error:
            if context.obj and context.obj.get("debug"):
                traceback.print_exception(error)
            terminal.say(f"error: {error}")
            record = Failure(source.input if isinstance(source, Failure) else str(source), error).to_json()
        records.append(record)
        if as_json:
            terminal.emit(record)
    if not as_json:
        _print_table(records)
    summary = summarise(records)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(finite(summary), out / "summary.json")
    say_summary(summary)
    raise typer.Exit(1 if summary["failed"] else 0)


def open_classifier(
    inspector: Inspector,
    taxonomy: Taxonomy,
    anomalies: Mapping[str, Sequence[Anomaly]],
    *,
    llm: str,
    allow_remote: bool,
    device: str,
    cache: Path | None = None,
) -> Classifier:
    """Open whoever names what an inspector finds; `anomalies`, by class, are what the measured namer learns from."""
    from platformdirs import user_cache_path

    from looktwice.classification.classifier import Classifier
    from looktwice.classification.namers import open_namer

    return Classifier(
        open_namer(
            llm,
            taxonomy,
            inspector.expert.encoder,
            examples=anomalies,
            allow_remote=allow_remote,
            cache=cache or user_cache_path("looktwice") / "classify",
            device=device,
        )
    )


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
        terminal.say(
            f"{summary['answers_not_taken']} answers did not name a class of the taxonomy; they count as unknown"
        )
    if summary["another_object"]:
        terminal.say(f"{summary['another_object']} inputs do not resemble any reference; check the references")
    terminal.say(
        f"{summary['calls']} calls to a language model ({summary['cached']} answers from the cache), "
        f"{tokens['prompt']} + {tokens['answer']} tokens, {summary['seconds']:.1f} s"
    )
