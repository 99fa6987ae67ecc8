"""``looktwice evaluate classification`` and ``severity``: classes as VELM measures them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from looktwice.classification.namers import DEFAULT
from looktwice.commands import terminal
from looktwice.commands.evaluate_output import AS_JSON, OUT_FILE, deliver, follow, say_left_out
from looktwice.core.errors import UsageError

if TYPE_CHECKING:
    from looktwice.classification.classifier import Classifier
    from looktwice.classification.taxonomy import Taxonomy
    from looktwice.core.study import BoolArray
    from looktwice.evaluation.classification_runner import ClassificationProtocol, Examples
    from looktwice.evaluation.velm import Taxonomy as VelmTaxonomy
    from looktwice.evaluation.velm import Verdict
    from looktwice.pipeline import Inspector


def classification(
    predictions: Path | None = typer.Option(
        None, "--predictions", help='JSON file {"<category>_<class>_<id>": "answer"}; alternatively, give --data.'
    ),
    data: list[Path] | None = typer.Option(
        None, "--data", help="Run the pipeline on a benchmark folder. Can be repeated."
    ),
    taxonomy: str = typer.Option(
        ..., "--taxonomy", help="JSON file {category: {class: [display name, description]}}; with --data, any taxonomy."
    ),
    contours: str = typer.Option(
        "predicted", help="With --data: contours are predicted, or oracle (from ground-truth masks)."
    ),
    examples: int = typer.Option(
        0,
        min=0,
        metavar="N",
        help="With --data: number of labelled examples per class; they are excluded from the test.",
    ),
    references: int = typer.Option(
        16, min=0, metavar="K", help="With --data: number of reference images from train/good."
    ),
    llm: str = typer.Option(DEFAULT, help="With --data: the namer, as in `looktwice classify`."),
    allow_remote: bool = typer.Option(
        False, "--allow-remote", help="Allow sending medical data to a server on another machine."
    ),
    model: str = typer.Option("nano", "--model", help="With --data: model name or path of an expert file."),
    device: str = typer.Option("auto", "--device", help="auto, cpu or cuda."),
    seed: int = typer.Option(0, "--seed", help="Random seed for drawing examples and references."),
    out: Path | None = typer.Option(None, "--out", help="Folder for result.json and confusion matrices."),
    as_json: bool = AS_JSON,
) -> None:
    """Evaluate anomaly classification as VELM does: accuracy, F1 and Cohen's kappa, averaged over categories.

    Evaluates either existing predictions or the pipeline itself, on folders in the MVTec AD layout (such as MVTec-AC).
    A run with --data that was stopped resumes when it is started again with the same --out.
    """
    from looktwice.evaluation.classification import evaluate_classification
    from looktwice.evaluation.tables import CLASSIFICATION_COLUMNS, category_table

    if (predictions is None) == (not data):
        raise UsageError("give either --predictions, to evaluate them, or --data, to run the pipeline")
    if predictions is not None:
        verdicts, left_out, _ = _read_verdicts(predictions, Path(taxonomy))
        result = {**evaluate_classification(verdicts), "left_out": left_out}
    else:
        from looktwice.evaluation.classification_runner import ClassificationProtocol

        if contours not in ("predicted", "oracle"):
            raise UsageError(f"--contours must be predicted or oracle, not {contours!r}")
        source: Literal["predicted", "oracle"] = "oracle" if contours == "oracle" else "predicted"
        protocol = ClassificationProtocol(llm, source, examples, references, seed, allow_remote)
        result = _run(data or [], taxonomy, protocol, model=model, device=device, out=out)
    if out is not None:
        from looktwice.evaluation.figures import draw_confusion

        out.mkdir(parents=True, exist_ok=True)
        for name, row in result["categories"].items():
            file = out / f"confusion_{name.replace('/', '_')}.png"
            draw_confusion(file, name.replace("_", " "), row["labels"], row["confusion"])
    deliver(result, out and out / "result.json", as_json, lambda: category_table(result, CLASSIFICATION_COLUMNS))
    say_left_out(result["left_out"])


def severity(
    predictions: Path = typer.Option(..., "--predictions", help="As in `evaluate classification`."),
    taxonomy: Path = typer.Option(..., "--taxonomy", help="As in `evaluate classification`."),
    seeds: int = typer.Option(5, "--seeds", min=1, help="Number of random draws of the negligible classes."),
    out: Path | None = OUT_FILE,
    as_json: bool = AS_JSON,
) -> None:
    """Evaluate normal / negligible / defect with VELM's three-way protocol, averaged over draws."""
    from looktwice.evaluation.severity import KINDS, evaluate_severity
    from looktwice.evaluation.tables import category_table, number

    verdicts, left_out, classes = _read_verdicts(predictions, taxonomy)
    result = {**evaluate_severity(verdicts, classes, seeds=seeds), "left_out": left_out}
    deliver(result, out, as_json, lambda: category_table(result, {kind: kind for kind in KINDS}))
    if not as_json:
        terminal.say(f"mean of the three: {number(result['mean_of_kinds'])}")
    say_left_out(left_out)


def _run(
    data: list[Path], taxonomy: str, protocol: ClassificationProtocol, *, model: str, device: str, out: Path | None
) -> dict[str, Any]:
    from looktwice.classification.taxonomy import load_taxonomies
    from looktwice.commands.classify import say_summary
    from looktwice.evaluation.classification_runner import run_classification
    from looktwice.evaluation.sets import open_sets
    from looktwice.pipeline import Inspector

    taxonomies = load_taxonomies(taxonomy)
    sets, problems = open_sets(data)
    if not sets:
        raise UsageError(next(iter(problems.values()), "none of the folders can be evaluated"))
    system = ClassifySystem(Inspector(model, device, llm="template"), taxonomies, protocol, device)
    result = run_classification(sets, system, protocol, folder=out, follow=follow)
    result["left_out"] |= problems
    say_summary(result["summary"])
    for name, row in result["categories"].items():
        shares = {
            "found": "of anomalous inputs detected",
            "accuracy_of_flawed": "detected and named correctly",
            "false_alarms": "of normal inputs flagged",
        }
        told = [f"{row[key]:.1%} {words}" for key, words in shares.items() if key in row]
        terminal.say(f"{name}: {', '.join(told)}")
    return result


class ClassifySystem:
    """What ``looktwice classify`` is made of, as `run_classification` evaluates it.

    Parameters
    ----------
    inspector : Inspector
    taxonomies : mapping
        By category; where there is a single one, it serves every category.
    protocol : ClassificationProtocol
    device : {"auto", "cpu", "cuda"}
        For a language model on this machine.

    Examples
    --------
    >>> from looktwice.classification.taxonomy import Taxonomy
    >>> from looktwice.evaluation.classification_runner import ClassificationProtocol
    >>> nut = Taxonomy(category="nut", classes={"scratch": {"description": "a thin bright line"}})
    >>> system = ClassifySystem(None, {"nut": nut}, ClassificationProtocol())  # None stands for the inspector here
    >>> list(system.classes_of("bolt").classes)
    ['scratch']
    """

    def __init__(
        self,
        inspector: Inspector,
        taxonomies: Mapping[str, Taxonomy],
        protocol: ClassificationProtocol,
        device: str = "auto",
    ) -> None:
        self._inspector, self._taxonomies, self._protocol, self._device = inspector, taxonomies, protocol, device

    def classes_of(self, category: str) -> Taxonomy:
        """Return the taxonomy of a category; raise UsageError where it has none."""
        if category in self._taxonomies:
            return self._taxonomies[category]
        if len(self._taxonomies) == 1:
            (only,) = self._taxonomies.values()
            return only.model_copy(update={"category": category})
        raise UsageError(f"the taxonomy has no category {category}; it has {', '.join(self._taxonomies)}")

    def open(self, category: str, references: Sequence[Path], examples: Examples) -> DetectAndName:
        """Make a classifier of one category out of normal inputs and labelled examples."""
        from looktwice.classification.examples import examine_examples
        from looktwice.commands.classify import open_classifier

        taxonomy = self.classes_of(category)
        inspector = self._inspector.comparing_with(references, show_references=True)
        anomalies, outlined, problems = examine_examples(inspector, examples)
        classifier = open_classifier(
            inspector,
            taxonomy,
            anomalies,
            llm=self._protocol.llm,
            allow_remote=self._protocol.allow_remote,
            device=self._device,
        )
        return DetectAndName(inspector.with_examples(outlined), classifier, problems)

    def summarise(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Sum up the records of a run."""
        from looktwice.classification.classifier import summarise

        return summarise(records)


@dataclass(frozen=True)
class DetectAndName:
    """Detects and names in one category; see `CategoryClassifier`.

    Examples
    --------
    >>> from pathlib import Path
    >>> nuts = system.open("nut", references, examples)  # doctest: +SKIP
    >>> record = nuts.classify(Path("nut/test/scratch/000.png"), truth=None)  # doctest: +SKIP
    """

    inspector: Inspector
    classifier: Classifier
    problems: Sequence[str]

    def classify(self, path: Path, truth: BoolArray | None) -> dict[str, Any]:
        """Return the record of one input."""
        from looktwice.classification.anomaly import Detection

        context = self.inspector.look(path)
        detection = Detection.of(context, self.inspector.map_threshold, self.inspector.reference_view)
        return self.classifier.classify(detection, truth).to_json()


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
        terminal.say(
            f"{len(unknown)} of {len(verdicts)} answers do not name a class of the taxonomy, for example the answer "
            f"to {unknown[0]}"
        )
    return verdicts, left_out, classes
