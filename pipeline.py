"""The one way through the house: open, look, lift, explain, write."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from looktwice import modalities
from looktwice.core.calibration import logit
from looktwice.core.device import resolve_device
from looktwice.core.result import Result, ViewFinding
from looktwice.core.study import Modality, NativeMap, Study
from looktwice.core.version import __version__
from looktwice.core.weights import WHEEL_FILES
from looktwice.evidence import Found, fitting
from looktwice.evidence.expert import Expert, Sighting
from looktwice.evidence.expert_file import load_expert
from looktwice.evidence.references.reference_set import Beside
from looktwice.evidence.references.studies import Compared
from looktwice.models import MODELS, expert_path
from looktwice.reasoning.base import StudyContext
from looktwice.reasoning.registry import open_reasoner
from looktwice.report import Picture, write_report

# How many of the most suspicious views a report shows.
SHOWN_VIEWS = 6


class Inspector:
    """A loaded model that inspects one input after another.

    Parameters
    ----------
    model : str
        A model's name (``models.MODELS``) or the path of an expert.
    device : {"auto", "cpu", "cuda"}
    llm : str
        Who puts the evidence into words; see ``reasoning.registry.open_reasoner``.
    allow_remote : bool
        Whether medical data may be sent to a server on another machine.
    max_visual_tokens : int, optional
        Most tokens that a language model is shown of one study; its own when not given.

    Raises
    ------
    UsageError
        No such model or device.
    WeightsError
        Weights are missing or damaged.
    """

    def __init__(
        self,
        model: str = "nano",
        device: str = "auto",
        llm: str = "template",
        allow_remote: bool = False,
        max_visual_tokens: int | None = None,
    ) -> None:
        self.name = model if model in MODELS else Path(model).stem
        self.expert: Expert = load_expert(expert_path(model), resolve_device(device))
        self.beside = Beside()
        self.reasoner = open_reasoner(
            llm, self.expert.encoder, allow_remote, device=device, max_visual_tokens=max_visual_tokens
        )

    def inspect(
        self,
        path: str | Path,
        *,
        modality: str = "auto",
        out: str | Path | None = None,
        folder: str | None = None,
        threshold: float | None = None,
        explain: bool = True,
        question: str | None = None,
        dicom: bool = False,
        keep_identifiers: bool = False,
        export: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Result:
        """Find what does not belong in one input.

        Parameters
        ----------
        path : path
            A file, or a folder or zip of one DICOM series.
        modality : {"auto", "image", "volume", "pointcloud"}
        out : path, optional
            Artifacts are written to ``out/<study>/``; none are when it is not given.
        folder : str, optional
            Name for the study and its folder, in place of the one that the adapter derives from a file's name.
        threshold : float, optional
            For score and regions; the model's own when not given.
        explain : bool
            Whether to say in words what was found.
        question : str, optional
            What the explanation is to answer.
        dicom : bool
            Whether to write DICOM objects beside the report; the input must be a DICOM series.
        keep_identifiers : bool
            Keep the patient's identity in the DICOM objects, in place of a stable pseudonym.
        export : sequence of {"obj", "glb", "csv"}
            Further files of a scored cloud or mesh to write; passed over for other inputs.
        options : mapping, optional
            For the adapter (``planes``, ``window``, ``channel``, ``case``, ``backend``, ``views``, ``unit``,
            ``remove_outliers``, ``remove_plane``); those that do not belong to the input's kind are passed over.

        Returns
        -------
        Result

        Raises
        ------
        InputError
            The input cannot be used.
        """
        started = time.perf_counter()
        context = self.look(path, modality=modality, folder=folder, threshold=threshold, options=options)
        result = context.result
        looked = time.perf_counter()
        if explain:
            result.answer = self.reasoner.explain(question, context)
        result.seconds["explain"] = time.perf_counter() - looked
        result.seconds["total"] = time.perf_counter() - started
        if out is not None:
            folder_out = Path(out) / result.study
            if dicom:
                result.artifacts |= context.study.write_dicom(
                    result.heatmap, result.regions, folder_out, keep_identifiers
                )
            if chosen := [kind for kind in export if kind in result.heatmap.exports]:
                folder_out.mkdir(parents=True, exist_ok=True)
                result.artifacts |= {kind: result.heatmap.export(kind, folder_out) for kind in chosen}
            write_report(result, context.study, _pictures(context), folder_out)
        return result

    def look(
        self,
        path: str | Path,
        *,
        modality: str = "auto",
        folder: str | None = None,
        threshold: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> StudyContext:
        """Open one input, look at it and bring what is found back to its own space; nothing is said or written yet.

        The arguments are those of ``inspect``.
        """
        started = time.perf_counter()
        study = _open(Path(path), modality, options or {})
        if folder and not study.source.is_dir() and study.name == study.source.stem:
            study.name = folder
        return self.examine(study, threshold, time.perf_counter() - started)

    def examine(self, study: Study, threshold: float | None = None, opening: float = 0.0) -> StudyContext:
        """Look at an open study; `opening` is the seconds that opening it took."""
        started = time.perf_counter()
        # The sources need nothing from the encoder, and both spend their time outside the interpreter's lock.
        with ThreadPoolExecutor(1) as aside:
            asked = aside.submit(self._ask_sources, study)
            comparing = aside.submit(self.beside.compare, study)
            sighting = self._see(study)
            looking = time.perf_counter()
            found, compared = asked.result(), comparing.result()
        sighting = _join(sighting, found)
        seen = time.perf_counter()
        threshold = self.expert.config.threshold if threshold is None else threshold
        heatmap = study.lift(sighting.maps)
        for one in found.values():
            if one.values is not None:
                heatmap.raise_to(one.values, one.alone)
        if compared is not None:
            sighting = _compare(sighting, heatmap, compared)
        regions = heatmap.regions(threshold)
        measured = compared is not None or any(one.values is not None for one in found.values())
        if measured or study.modality is Modality.POINTCLOUD:
            sighting = _as_lifted(sighting, heatmap)
        lifted = time.perf_counter()
        result = Result(
            study=study.name,
            source=study.source,
            modality=study.modality,
            score=sighting.score,
            threshold=threshold,
            heatmap=heatmap,
            regions=regions,
            findings=_findings(study, sighting),
            views=len(sighting.maps),
            model=self.provenance(),
            version=__version__,
            evidence=sighting.sources,
            notes=list(study.notes),
            medical=study.medical,
            seconds={
                "load": opening + sighting.seconds["load"],
                "encode": sighting.seconds["encode"],
                "match": sighting.seconds["match"] + seen - looking,
                "lift": lifted - seen,
                "explain": 0.0,
                "write": 0.0,
                "total": opening + lifted - started,
            },
        )
        return StudyContext(study, sighting.evidence, sighting.maps, result)

    def compare_with_references(self, paths: Sequence[Path], options: Mapping[str, Any] | None = None) -> None:
        """Look at inputs beside these normal ones of the same kind from now on.

        Parameters
        ----------
        paths : sequence of Path
        options : mapping, optional
            For the adapters, as for ``inspect``.

        Raises
        ------
        UsageError
            One of them cannot be compared with, or there are fewer of its kind than two photographs or three others.
        """
        self.beside = Beside.references(self.expert, paths, lambda path: _open(path, "auto", options or {}))

    def compare_with_each_other(self, paths: Sequence[Path], options: Mapping[str, Any] | None = None) -> None:
        """Look at these inputs, most of them normal, beside each other; what cannot be read is passed over.

        The arguments are those of ``compare_with_references``.

        Raises
        ------
        UsageError
            There are fewer than three of every kind.
        """
        self.beside = Beside.each_other(self.expert, paths, lambda path: _open(path, "auto", options or {}))

    def _see(self, study: Study) -> Sighting:
        """Look at a study: by itself, or beside other photographs where it is one and such are given."""
        if study.source in self.beside.cohort:
            return self.beside.cohort[study.source]
        if study.modality is Modality.IMAGE and self.beside.photographs is not None:
            return self.beside.photographs.see([study.views()[0].image])[0]
        return self.expert.see(study)

    def _ask_sources(self, study: Study) -> dict[str, Found]:
        """Return what each source of evidence that fits the study finds in it."""
        calibrations = self.expert.config.calibration
        found = {
            source.name: source.look(study, self.expert.encoder.grid, calibrations[source.name])
            for source in fitting(study, calibrations)
        }
        return {name: one for name, one in found.items() if one is not None}

    def provenance(self) -> dict[str, Any]:
        """Return the model's name, revision and the sha256 of each weight file."""
        files = dict(self.expert.files)
        spec = MODELS.get(self.name)
        if spec is not None:
            files |= {WHEEL_FILES[name].filename: WHEEL_FILES[name].sha256 for name in spec.wheel_files}
        return {"name": self.name, "revision": self.expert.config.revision, "sha256": files}


def inspect(
    path: str | Path,
    model: str = "nano",
    *,
    device: str = "auto",
    llm: str = "template",
    allow_remote: bool = False,
    **arguments: Any,
) -> Result:
    """Inspect one input; see ``Inspector.inspect`` for the arguments.

    A loop over many inputs should make one ``Inspector`` and keep it: loading the model is done once there.
    """
    return Inspector(model, device, llm, allow_remote).inspect(path, **arguments)


def _open(path: Path, modality: str, options: Mapping[str, Any]) -> Study:
    return modalities.open(path, modality, **options)


def _join(sighting: Sighting, found: Mapping[str, Found]) -> Sighting:
    """Add to what the views show what the sources found: whichever is more alarmed, place by place and as a whole."""
    maps, score = sighting.maps, sighting.score
    for one in found.values():
        if one.maps is not None:
            maps = np.maximum(maps, one.maps)
        score = one.score if one.alone else max(score, one.score)
    changed = maps is not sighting.maps
    return replace(
        sighting,
        maps=maps,
        view_scores=maps.max(axis=(1, 2)) if changed else sighting.view_scores,
        score=score,
        sources={**sighting.sources, **{name: one.score for name, one in found.items()}},
    )


def _compare(sighting: Sighting, heatmap: NativeMap, compared: Compared) -> Sighting:
    """Add what a comparison says to what a study shows by itself: their logits count alike."""
    heatmap.add_logits(compared.places)
    added = compared.logit if compared.clears else max(compared.logit, 0.0)
    score = float(expit(logit(sighting.score) + added))
    sources = {**sighting.sources, compared.name: float(expit(compared.logit))}
    return replace(sighting, score=score, sources=sources)


def _as_lifted(sighting: Sighting, heatmap: NativeMap) -> Sighting:
    """Show what was found in the input's own space in its views, and rank these by the heat that they show.

    A view's rank is the mean of the hottest hundredth of its pixels: what fills more of a view is seen better there.
    """
    maps = heatmap.in_views()
    flat = maps.reshape(len(maps), -1)
    # Sorting is vectorised and several times as fast as NumPy's partition.
    hottest = np.sort(flat, axis=1)[:, -max(1, flat.shape[1] // 100) :]
    return replace(sighting, maps=maps, view_scores=hottest.mean(axis=1))


def _findings(study: Study, sighting: Sighting) -> list[ViewFinding]:
    """Return the most suspicious views, the worst first."""
    views = study.views()
    worst = sighting.view_scores.argsort()[::-1][:SHOWN_VIEWS]
    return [
        ViewFinding(
            name=views[int(index)].name,
            index=int(index),
            significance=float(sighting.evidence.significance[int(index)]),
            score=float(sighting.view_scores[index]),
        )
        for index in worst
    ]


def _pictures(context: StudyContext) -> list[Picture]:
    """Return the views that the report shows, with their maps; a photograph's map is the native one."""
    result, views = context.result, context.views
    if result.modality is Modality.IMAGE:
        return [Picture("image", views[0].image, result.heatmap.values, result.score)]
    return [
        Picture(finding.name, views[finding.index].image, context.maps[finding.index], finding.score)
        for finding in result.findings
    ]
