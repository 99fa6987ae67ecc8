"""The one way that every input takes: open, encode, ask every source of evidence, fuse, explain, write."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from looktwice import modalities
from looktwice.core.device import resolve_device
from looktwice.core.errors import UsageError
from looktwice.core.finding import Finding
from looktwice.core.fuse import counting, fuse, maps_in_views, view_scores
from looktwice.core.result import Failure, Kept, Result, rank_views
from looktwice.core.study import ByteArray, Study
from looktwice.core.version import __version__
from looktwice.evidence.base import Context
from looktwice.evidence.comparisons.comparisons import Comparisons, cohort_of, references_of
from looktwice.evidence.comparisons.learned_flaws import LearnedFlaws, OutlinedExample
from looktwice.evidence.encoding import StudyTokens, batches_of
from looktwice.evidence.expert import Expert
from looktwice.evidence.expert_file import load_expert
from looktwice.evidence.sources import find_evidence
from looktwice.failures import failure_of_input, failure_of_study
from looktwice.modalities.finding import list_inputs
from looktwice.modalities.inputs import Input
from looktwice.modalities.isolation import TIMEOUT, ReadingWorker
from looktwice.modalities.naming import settle, short
from looktwice.models import MODELS, default_reasoner, expert_path, find_wheel_files
from looktwice.reasoning.base import StudyContext
from looktwice.reasoning.registry import open_reasoner
from looktwice.report import OutputFolder, write_study
from looktwice.reruns import marker_of_input, marker_of_study, settings_digest

# How many of the most suspicious views a report shows.
SHOWN_VIEWS = 6


class Inspector:
    """A loaded model that inspects any number of inputs; what it compares with is fixed when it is made.

    Parameters
    ----------
    model : str
        A model's name (``models.MODELS``) or the path of an expert.
    device : {"auto", "cpu", "cuda"}
    llm : str, optional
        Who puts what was found into words (see ``reasoning.registry``); by default the model's own.
    allow_remote : bool
        Whether medical data may be sent to a server on another machine.
    max_visual_tokens : int, optional
        Most tokens that a language model is shown of one study; its own when not given.
    references : path, or sequence of inputs
        Normal inputs of the same kind to compare with (few-shot); folders are searched.
    cohort : path, or sequence of inputs
        Inputs, most of them normal, that are compared with each other when they are inspected.
    show_references : bool
        Whether volumes and clouds that are too few, or too different, to compare with are kept to be shown beside what
        was found (`reference_view`); otherwise they are an error.
    threshold : float, optional
        Of the score and the regions; the model's own when not given.
    modality : str
        A kind of input by name (`modalities.kinds`), or "auto"; of inputs that say nothing else.
    options : mapping, optional
        For the adapters (``window``, ``planes``, ``unit`` …), of references and inputs alike; those that do not belong
        to an input's kind are passed over.
    timeout : float
        Seconds that reading one input may take, where its reader runs in a process of its own.

    Raises
    ------
    UsageError
        No such model or device; references or a cohort that cannot be compared with, or both.
    WeightsError
        Weights are missing or damaged.

    Examples
    --------
    >>> from looktwice import Inspector
    >>> inspector = Inspector("nano", llm="template")  # doctest: +SKIP
    >>> inspector.inspect("part.png").verdict  # doctest: +SKIP
    'normal'
    """

    def __init__(
        self,
        model: str = "nano",
        device: str = "auto",
        llm: str | None = None,
        allow_remote: bool = False,
        max_visual_tokens: int | None = None,
        *,
        references: Any = (),
        cohort: Any = (),
        show_references: bool = False,
        threshold: float | None = None,
        modality: str = "auto",
        options: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        references, cohort = list_inputs(references), list_inputs(cohort)
        if references and cohort:
            raise UsageError("give references or a cohort, not both")
        self.name = model if model in MODELS else Path(model).stem
        self.expert: Expert = load_expert(expert_path(model), resolve_device(device))
        self.threshold = self.expert.config.threshold if threshold is None else threshold
        self.modality, self.options = modality, dict(options or {})
        self._worker = ReadingWorker(timeout)
        self._compared = [*references, *cohort]
        self._words = (llm or default_reasoner(model), max_visual_tokens)
        self.reasoner = open_reasoner(
            self._words[0],
            self.expert.encoder,
            allow_remote,
            device=device,
            max_visual_tokens=max_visual_tokens,
        )
        self._references = self._open_references(references, show_references)
        self._context = Context(self.expert, self._references, self._open_cohort(cohort))

    def inspect(self, source: Any, **arguments: Any) -> Result:
        """Find what does not belong in one input, say it in words and write the report.

        Parameters
        ----------
        source : path or data
            What `modalities.open` takes, an `Input`, or an open `Study`.
        **arguments
            As for `inspect_many`.

        Raises
        ------
        InputError
            The input cannot be used.
        """
        [result] = self.inspect_many([source], **arguments)
        if isinstance(result, Failure):
            raise result.reason
        if isinstance(result, Kept):
            raise UsageError("resume is for many inputs: of one that is done before there is no result to return")
        return result

    def inspect_many(
        self,
        sources: Iterable[Any],
        *,
        out: str | Path | None = None,
        threshold: float | None = None,
        explain: bool = True,
        ask: str | None = None,
        dicom: bool = False,
        keep_identifiers: bool = False,
        export: Sequence[str] = (),
        resume: bool = False,
        **options: Any,
    ) -> Iterator[Result | Failure | Kept]:
        """Inspect inputs one after another, in order; what cannot be used gives a `Failure`, and the rest goes on.

        Inputs are opened as they are needed, and photographs are encoded in small batches.

        Parameters
        ----------
        sources : iterable
            Of what `inspect` takes.
        out : path, optional
            Artifacts are written to ``out/<study>/``, and tables of all studies to ``out``; none when it is not given.
        threshold : float, optional
            Of the score and the regions, in place of the inspector's.
        explain : bool
            Whether to say in words what was found.
        ask : str, optional
            What the explanation is to answer.
        dicom : bool
            Whether to write DICOM objects beside the report; the input must be a DICOM series.
        keep_identifiers : bool
            Keep the patient's identity in the DICOM objects, in place of a stable pseudonym.
        export : sequence of {"obj", "glb", "csv"}
            Further files of a scored cloud or mesh to write; passed over for other inputs.
        resume : bool
            Whether what lies whole in `out`, and was made of the same input by the same model and options, is given as
            a `Kept` and not inspected again.
        **options
            For the adapters, in place of the inspector's.
        """
        said = {
            "explain": explain or ask is not None, "ask": ask, "dicom": dicom, "keep_identifiers": keep_identifiers,
            "export": sorted(export), "threshold": threshold, "options": options,
        }  # fmt: skip
        settings = "" if out is None else self._settings(said)
        with nullcontext() if out is None else OutputFolder(Path(out)) as folder:
            if folder is not None and resume:
                sources = map(partial(_kept_or_new, folder, settings), sources)
            for examined in self._examined(sources, threshold, options):
                if isinstance(examined, StudyContext):
                    yield self._finish(
                        examined, folder, settings, said, dicom=dicom, keep_identifiers=keep_identifiers, export=export
                    )
                    continue
                if folder is not None and isinstance(examined, Failure):
                    folder.fail(examined)
                yield examined

    def look(self, source: Any, threshold: float | None = None, **options: Any) -> StudyContext:
        """Open one input and examine it; nothing is said or written yet.

        Raises
        ------
        InputError
            The input cannot be used.
        """
        [examined] = self.examine([source], threshold, **options)
        if isinstance(examined, Failure):
            raise examined.reason
        return examined

    def examine(
        self, sources: Iterable[Any], threshold: float | None = None, **options: Any
    ) -> Iterator[StudyContext | Failure]:
        """Examine inputs: what every command builds on.

        Parameters
        ----------
        sources : iterable
            Open studies, or whatever `open` takes; opened as they are needed. A `Failure` is passed on in its place.
        threshold : float, optional
            In place of the inspector's.
        **options
            For the adapters, in place of the inspector's.

        Yields
        ------
        StudyContext or Failure
            One for each, in order.
        """
        for examined in self._examined(sources, threshold, options):
            assert not isinstance(examined, Kept)
            yield examined

    def _examined(
        self, sources: Iterable[Any], threshold: float | None, options: Mapping[str, Any]
    ) -> Iterator[StudyContext | Failure | Kept]:
        """Examine inputs; what was kept of an earlier run is passed on in its place."""
        threshold = self.threshold if threshold is None else threshold
        for batch in batches_of(self._opened(sources, options)):
            if isinstance(batch, (Failure, Kept)):
                yield batch
            else:
                yield from self._examine_batch(batch, threshold)

    def open(self, source: Any, **options: Any) -> Study:
        """Open one input as this inspector does: with its options, and under the name that an `Input` gives.

        Raises
        ------
        InputError
            The input cannot be used.
        """
        if isinstance(source, Study):
            return source
        started = time.perf_counter()
        asked = source if isinstance(source, Input) else Input(source)
        given = {"modality": self.modality, **self.options, **options, **asked.options}
        if asked.modality is not None:
            given["modality"] = asked.modality
        with self._worker.in_use():
            study = modalities.open(asked.source, **given)
        settle(study, asked, medical=bool(given.get("medical")))
        study.seconds_to_open = time.perf_counter() - started
        return study

    @property
    def map_threshold(self) -> float:
        """Where maps are cut into regions to be named, whatever threshold the user gives for scores."""
        return self.expert.config.threshold

    def comparing_with(self, references: Any, show_references: bool = False) -> Inspector:
        """Return an inspector of the same model that compares with other references, or none."""
        other = copy.copy(self)
        other._references = self._open_references(list_inputs(references), show_references)
        other._context = Context(self.expert, other._references)
        return other

    def with_examples(self, flawed: Sequence[OutlinedExample]) -> Inspector:
        """Return an inspector that also looks for what resembles outlined examples of flaws.

        Parameters
        ----------
        flawed : sequence of OutlinedExample
            Where there are none, or no photographs among the references, or these are drawings of two tones, nothing
            changes.
        """
        references = self._references
        if not flawed or references is None or not references.pictures or references.templates is not None:
            return self
        other = copy.copy(self)
        other._context = replace(self._context, examples=LearnedFlaws(self.expert, references.pictures, flawed))
        return other

    def reference_view(self, study: Study, index: int) -> ByteArray | None:
        """Return the picture of a reference that shows what one view of a study does, by its share of the views."""
        references = self._references
        shown = None if references is None else references.shown.get(str(study.modality))
        if shown is None:
            return None
        views = shown.views()
        share = index / max(1, len(study.views()) - 1)
        return views[round(share * (len(views) - 1))].image

    def provenance(self) -> dict[str, Any]:
        """Return the model's name, revision and the sha256 of each weight file."""
        files = dict(self.expert.files)
        spec = MODELS.get(self.name)
        if spec is not None:
            files |= {file.filename: file.sha256 for file in find_wheel_files(spec).values()}
        return {"name": self.name, "revision": self.expert.config.revision, "sha256": files}

    def _settings(self, said: Mapping[str, Any]) -> str:
        """Return a digest of what results depend on besides their inputs."""
        own = {
            "model": self.provenance(), "version": __version__, "threshold": self.threshold, "words": self._words,
            "modality": self.modality, "options": self.options,
        }  # fmt: skip
        return settings_digest({**own, "said": said}, self._compared)

    def _opened(self, sources: Iterable[Any], options: Mapping[str, Any]) -> Iterator[Study | Failure | Kept]:
        for source in sources:
            if isinstance(source, (Failure, Kept)):
                yield source
                continue
            try:
                yield self.open(source, **options)
            except Exception as error:
                yield failure_of_input(source, error)

    def _open_references(self, inputs: Sequence[Any], show: bool) -> Comparisons | None:
        return references_of(self.expert, self._usable(inputs), strict=not show) if inputs else None

    def _open_cohort(self, inputs: Sequence[Any]) -> Comparisons | None:
        return cohort_of(self.expert, self._opened(inputs, {})) if inputs else None

    def _usable(self, inputs: Iterable[Any]) -> Iterator[Study]:
        for study in self._opened(inputs, {}):
            if isinstance(study, Failure):
                raise UsageError(str(study.reason)) from study.reason
            assert isinstance(study, Study)
            yield study

    def _examine_batch(self, studies: Sequence[Study], threshold: float) -> Iterator[StudyContext | Failure]:
        started = time.perf_counter()
        try:
            found = find_evidence(studies, self._context)
        except Exception as error:
            if len(studies) == 1:
                yield failure_of_study(studies[0], error, "inspected")
                return
            # One of several is at fault: each by itself, so that the others go on.
            for study in studies:
                yield from self._examine_batch([study], threshold)
            return
        shared = (time.perf_counter() - started) / len(studies)
        for study, (findings, tokens) in zip(studies, found, strict=True):
            try:
                context = self._conclude(study, findings, tokens, threshold, shared)
            except Exception as error:
                yield failure_of_study(study, error, "inspected")
                continue
            yield context

    def _conclude(
        self, study: Study, findings: list[Finding], tokens: StudyTokens, threshold: float, spent: float
    ) -> StudyContext:
        """Fuse the findings of one study into its result; `spent` is the seconds that looking took."""
        started = time.perf_counter()
        score, heatmap, regions = fuse(findings, study, threshold)
        deciding = max(counting(findings), key=lambda one: one.logit)
        # A threshold of the user's own means what they want it to mean.
        uncovered = next((one for one in counting(findings) if not one.covered), None)
        if deciding.covered and score >= threshold:
            uncovered = None  # a source that knows what is usual has found something
        doubt = (uncovered or deciding).doubt if threshold == self.expert.config.threshold else ""
        maps = maps_in_views(findings, heatmap)
        scores = view_scores(findings, heatmap, maps) if len(maps) > 1 else np.array([score], np.float32)
        selected = next(one.selected for one in findings if one.selected is not None)
        lifted = time.perf_counter() - started
        seconds = {**tokens.seconds}
        opening = study.seconds_to_open
        result = Result(
            study=study.name,
            source=study.source,
            modality=study.modality,
            score=score,
            threshold=threshold,
            heatmap=heatmap,
            regions=[] if doubt else regions,
            worst_views=rank_views(study.views(), scores, selected.significance.tolist(), SHOWN_VIEWS),
            views=len(maps),
            model=self.provenance(),
            version=__version__,
            findings=tuple(one.summary() for one in findings),
            notes=[*study.notes, *(note for one in findings for note in one.notes), *([doubt] if doubt else [])],
            medical=study.medical,
            p_normal=deciding.p_normal,
            p_normal_from=deciding.p_normal_from,
            candidates=heatmap.regions(threshold) if doubt or score < threshold else [],
            doubt=doubt,
            covered=uncovered is None or not doubt,
            seconds={
                "load": opening + seconds.get("load", 0.0),
                "encode": seconds.get("encode", 0.0),
                "match": max(0.0, spent - seconds.get("load", 0.0) - seconds.get("encode", 0.0)),
                "lift": lifted,
                "explain": 0.0,
                "write": 0.0,
                "total": opening + spent + lifted,
            },
        )
        return StudyContext(study, selected, maps, result, tuple(findings))

    def _finish(
        self, context: StudyContext, folder: OutputFolder | None, settings: str, said: Mapping[str, Any], **wanted: Any
    ) -> Result | Failure:
        """Put a study's result into words and write it."""
        result, study = context.result, context.study
        try:
            self._explain(context, said["explain"], said["ask"])
            if folder is not None:
                marker = marker_of_study(study, result, settings)
                if not study.files:
                    result.study = f"{result.study}-{short(marker.identity)}"
                folder.write(result, marker, partial(write_study, result, study, context.maps, **wanted))
            return result
        except Exception as error:
            failure = failure_of_study(study, error, "explained")
        if folder is not None:
            folder.fail(failure)
        return failure

    def _explain(self, context: StudyContext, wanted: bool, question: str | None) -> None:
        started = time.perf_counter()
        result = context.result
        if wanted:
            result.answer = self.reasoner.explain(question, context)
        result.seconds["explain"] = time.perf_counter() - started
        result.seconds["total"] += result.seconds["explain"]


def _kept_or_new(folder: OutputFolder, settings: str, source: Any) -> Any:
    """Return an input, or what was written of it before where that still holds."""
    marker = None if isinstance(source, (Failure, Study)) else marker_of_input(source, settings)
    return source if marker is None else folder.find_whole(marker) or source


def inspect(source: Any, model: str = "nano", **arguments: Any) -> Result:
    """Inspect one input; arguments, names and defaults are those of ``looktwice inspect``.

    A loop over many inputs should call `inspect_many` or keep one `Inspector`: the model is loaded once there.

    Parameters
    ----------
    source : path or data
        What `looktwice.open` takes.
    model : str
    **arguments
        Of `Inspector` (``device``, ``llm``, ``references``, ``cohort``, ``threshold`` …) and of
        `Inspector.inspect_many` (``out``, ``explain``, ``ask``, ``window`` …).
    """
    own, rest = _split(arguments)
    return Inspector(model, **own).inspect(source, **rest)


def inspect_many(sources: Iterable[Any], model: str = "nano", **arguments: Any) -> Iterator[Result | Failure | Kept]:
    """Inspect inputs one after another, in order; see `inspect` for the arguments."""
    own, rest = _split(arguments)
    return Inspector(model, **own).inspect_many(sources, **rest)


_MADE_WITH = frozenset(signature(Inspector.__init__).parameters) - {"self", "model"}
"""What an inspector is made with; everything else is asked of it."""


def _split(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what an inspector is made with, and what is asked of it."""
    own = {name: value for name, value in arguments.items() if name in _MADE_WITH}
    return own, {name: value for name, value in arguments.items() if name not in _MADE_WITH}
