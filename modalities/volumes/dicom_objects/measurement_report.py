"""The measurements as a structured report with template TID 1500 (PS3.16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highdicom
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from looktwice.core.study import Region
from looktwice.core.version import __version__
from looktwice.modalities.volumes.dicom_objects.equipment import ALGORITHM, MANUFACTURER, MODEL, NewObject
from looktwice.modalities.volumes.dicom_objects.source import SourceSeries
from looktwice.modalities.volumes.scan import Kind

ANOMALY_SCORE = CodedConcept("anomaly-score", "99LOOKTWICE", "Anomaly score")

PROCEDURES = {
    Kind.CT: codes.LN.CTUnspecifiedBodyRegion,
    Kind.MR: codes.LN.MRIUnspecifiedBodyRegion,
    Kind.OTHER: codes.LN.NMUnspecifiedBodyRegion,
}


def measurement_report(
    source: SourceSeries,
    segments: highdicom.seg.Segmentation | None,
    regions: Sequence[Region],
    highest: float,
    kind: Kind,
    new: NewObject,
) -> highdicom.sr.Comprehensive3DSR:
    """Return the scan's highest score, and volume, diameter, score and mean attenuation of each region.

    A region's measurements refer to its segment.
    """
    device = highdicom.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=highdicom.sr.DeviceObserverIdentifyingAttributes(
            uid=highdicom.UID(), name=MODEL, manufacturer_name=MANUFACTURER, model_name=MODEL
        ),
    )
    groups: list[Any] = [
        highdicom.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=highdicom.sr.TrackingIdentifier(uid=highdicom.UID(), identifier="whole scan"),
            algorithm_id=_algorithm(),
            measurements=[_score(highest)],
        )
    ]
    if segments is not None:
        groups += [_group(source, segments, number, region, kind) for number, region in enumerate(regions, start=1)]
    content = highdicom.sr.MeasurementReport(
        observation_context=highdicom.sr.ObservationContext(observer_device_context=device),
        procedure_reported=PROCEDURES[kind],
        title=codes.DCM.ImagingMeasurementReport,
        imaging_measurements=groups,
    )
    return highdicom.sr.Comprehensive3DSR(
        evidence=[*source.images, *([segments] if segments else [])],
        content=content,
        is_complete=True,
        is_final=False,
        is_verified=False,
        **new.arguments(),
    )


def _group(
    source: SourceSeries, segments: highdicom.seg.Segmentation, number: int, region: Region, kind: Kind
) -> highdicom.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    description = segments.get_segment_description(number)
    return highdicom.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=highdicom.sr.TrackingIdentifier(
            uid=description.tracking_uid, identifier=description.tracking_id
        ),
        referenced_segment=highdicom.sr.ReferencedSegment(
            sop_class_uid=segments.SOPClassUID,
            sop_instance_uid=segments.SOPInstanceUID,
            segment_number=number,
            source_series=highdicom.sr.SourceSeriesForSegmentation(source.images[0].SeriesInstanceUID),
        ),
        finding_category=codes.SCT.MorphologicallyAbnormalStructure,
        finding_type=codes.SCT.Lesion,
        algorithm_id=_algorithm(),
        measurements=_measurements(region, kind),
    )


def _algorithm() -> highdicom.sr.AlgorithmIdentification:
    return highdicom.sr.AlgorithmIdentification(name=ALGORITHM, version=__version__)


def _score(value: float) -> highdicom.sr.Measurement:
    return highdicom.sr.Measurement(ANOMALY_SCORE, value, codes.UCUM.NoUnits, derivation=codes.SCT.Maximum)


def _measurements(region: Region, kind: Kind) -> list[highdicom.sr.Measurement]:
    measured = [_score(region.score)]
    if region.size_unit == "volume_mm3":
        diameter = codes.cid7470.Maximum3DDiameterOfAMesh
        measured = [
            highdicom.sr.Measurement(codes.SCT.Volume, region.size, codes.UCUM.CubicMillimeter),
            highdicom.sr.Measurement(diameter, region.details["diameter_mm"], codes.UCUM.Millimeter),
            *measured,
        ]
    if kind is Kind.CT:
        measured.append(
            highdicom.sr.Measurement(
                codes.DCM.MeanAttenuationCoefficient, region.details["mean_inside"], codes.UCUM.HounsfieldUnit
            )
        )
    return measured
