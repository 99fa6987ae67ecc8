"""The one way through the house: open, look, lift, explain, write."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import looktwice
from looktwice import modalities
from looktwice.device import resolve_device
from looktwice.encoders.expert import Expert, Sighting, load_expert
from looktwice.encoders.weights import WHEEL_FILES
from looktwice.errors import InputError
from looktwice.modalities.study import Modality, NativeMap, Study
from looktwice.models import MODELS, expert_path
from looktwice.reasoning.base import StudyContext
from looktwice.reasoning.registry import open_reasoner
from looktwice.report import Picture, write_report
from looktwice.result import Result, ViewFinding

# How many of the most suspicious views a report shows.
SHOWN_VIEWS = 6

_OPTIONS = {
    Modality.IMAGE: frozenset[str](),
    Modality.VOLUME: frozenset({"planes", "window", "channel"}),
    Modality.POINTCLOUD: frozenset({"backend", "views", "unit"}),
}


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

    Raises
    ------
    UsageError
        No such model or device.
    WeightsError
        Weights are missing or damaged.
    """

    def __init__(
        self, model: str = "nano", device: str = "auto", llm: str = "template", allow_remote: bool = False
    ) -> None:
        self.name = model if model in MODELS else Path(model).stem
        self.expert: Expert = load_expert(expert_path(model), resolve_device(device))
        self.reasoner = open_reasoner(llm, self.expert.encoder, allow_remote)

    def inspect(
        self,
        path: str | Path,
        *,
        modality: str = "auto",
        out: str | Path | None = None,
        folder: str | None = None,
        threshold: float | None = None,
        explain: bool = True,
        dicom: bool = False,
        keep_identifiers: bool = False,
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
        dicom : bool
            Whether to write DICOM objects beside the report; the input must be a DICOM series.
        keep_identifiers : bool
            Keep the patient's identity in the DICOM objects, in place of a stable pseudonym.
        options : mapping, optional
            For the adapter (``planes``, ``window``, ``channel``, ``backend``, ``views``, ``unit``); those that do not
            belong to the input's kind are passed over.

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
            result.answer = self.reasoner.explain(None, context)
        result.seconds["explain"] = time.perf_counter() - looked
        result.seconds["total"] = time.perf_counter() - started
        if out is not None:
            folder_out = Path(out) / result.study
            if dicom:
                result.artifacts |= _write_dicom(context, folder_out, keep_identifiers)
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
        sighting = self._mirror(study, self.expert.see(study))
        seen = time.perf_counter()
        threshold = self.expert.config.threshold if threshold is None else threshold
        heatmap = study.lift(sighting.maps)
        score, sources = self._judge(study, heatmap, sighting)
        regions = heatmap.regions(threshold)
        lifted = time.perf_counter()
        result = Result(
            study=study.name,
            source=study.source,
            modality=study.modality,
            score=score,
            threshold=threshold,
            heatmap=heatmap,
            regions=regions,
            findings=_findings(study, sighting),
            views=len(sighting.maps),
            model=self.provenance(),
            version=looktwice.__version__,
            evidence=sources,
            notes=list(study.notes),
            seconds={
                "load": opening + sighting.seconds["load"],
                "encode": sighting.seconds["encode"],
                "match": sighting.seconds["match"],
                "lift": lifted - seen,
                "explain": 0.0,
                "write": 0.0,
                "total": opening + lifted - started,
            },
        )
        return StudyContext(study, sighting.evidence, sighting.maps, result)

    def _mirror(self, study: Study, sighting: Sighting) -> Sighting:
        """Add a head's asymmetry to what its slices show: whichever is more alarmed, place by place."""
        calibration = self.expert.config.calibration.get("mirror")
        if study.modality is not Modality.VOLUME or calibration is None:
            return sighting
        from looktwice.encoders.mirror import score_mirror
        from looktwice.modalities.volumes.asymmetry import midsagittal_asymmetry
        from looktwice.modalities.volumes.study import VolumeStudy

        assert isinstance(study, VolumeStudy)
        if study.anatomy.part != "head":
            return sighting
        started = time.perf_counter()
        rows, columns = sighting.maps.shape[1:]
        asymmetry = midsagittal_asymmetry(study, (rows, columns))
        maps, mirror = np.maximum(sighting.maps, asymmetry), score_mirror(asymmetry, calibration)
        matching = sighting.seconds["match"] + time.perf_counter() - started
        return replace(
            sighting,
            maps=maps,
            view_scores=maps.max(axis=(1, 2)),
            score=max(sighting.score, mirror),
            sources={**sighting.sources, "mirror": mirror},
            seconds={**sighting.seconds, "match": matching},
        )

    def _judge(self, study: Study, heatmap: NativeMap, sighting: Sighting) -> tuple[float, dict[str, float]]:
        """Return the study's score and each source's own; a cloud's geometry is measured here, and joins its map.

        Shaded views show geometry, which is measured better on the points themselves: where a cloud has no colour,
        geometry decides alone; where it has, whichever source is more alarmed.
        """
        if study.modality is not Modality.POINTCLOUD or "geometry" not in self.expert.config.calibration:
            return sighting.score, sighting.sources
        from looktwice.encoders.geometry import score_geometry
        from looktwice.modalities.pointclouds.geometry_evidence import geometry_evidence
        from looktwice.modalities.pointclouds.study import CloudStudy

        assert isinstance(study, CloudStudy)
        rarity = geometry_evidence(study)
        values, geometry = score_geometry(rarity, self.expert.config.calibration["geometry"])
        coloured = study.cloud.colours is not None
        heatmap.values = np.maximum(values, heatmap.values) if coloured else values
        score = max(sighting.score, geometry) if coloured else geometry
        return score, {**sighting.sources, "geometry": geometry}

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
    kind = modalities.detect(path) if modality == "auto" else Modality(modality)
    fitting = {name: value for name, value in options.items() if name in _OPTIONS[kind]}
    return modalities.open(path, kind.value, **fitting)


def _write_dicom(context: StudyContext, folder: Path, keep_identifiers: bool) -> dict[str, str]:
    from looktwice.modalities.volumes.dicom_objects import write_dicom_objects
    from looktwice.modalities.volumes.study import VolumeStudy
    from looktwice.modalities.volumes.voxel_map import VoxelMap

    study, heatmap = context.study, context.result.heatmap
    if not isinstance(study, VolumeStudy) or not isinstance(heatmap, VoxelMap):
        raise InputError(f"{study.source}: DICOM objects can only be written for a DICOM series")
    folder.mkdir(parents=True, exist_ok=True)
    return write_dicom_objects(study, heatmap, context.result.regions, folder, keep_identifiers)


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
