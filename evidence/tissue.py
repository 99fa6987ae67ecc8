"""How unusual a brain's tissue is for where it lies, weighed by probes learnt on painted lesions."""

# kinds: a source of evidence for heads

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looktwice.core.atomic import atomic_path
from looktwice.core.calibration import NORMAL_LOGIT, Calibration
from looktwice.core.errors import WeightsError
from looktwice.core.finding import Finding, Join, NativeHeat
from looktwice.core.rates import EVEN_ODDS, RATES
from looktwice.core.study import FloatArray, Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import StudyTokens
from looktwice.evidence.settings import DEFAULTS, TissueSettings

if TYPE_CHECKING:
    from looktwice.modalities.volumes.tissue import Tissue as TissueMeasurement

PROBES_FILE = Path(__file__).parents[1] / "weights" / "tissue" / "head.safetensors"


@dataclass(frozen=True)
class LinearProbe:
    """A linear probe over ``modalities.volumes.tissue.FEATURES``.

    Attributes
    ----------
    weights : float32, shape (F,)
    bias : float

    Examples
    --------
    Put on a common scale, normal places seldom reach 0:

    >>> probe = LinearProbe(np.ones(2, np.float32), bias=0.0)
    >>> normal = np.linspace(-1, 5, 1000, dtype=np.float32)
    >>> on_common_scale(probe, [normal]).bias < probe.bias
    True
    """

    weights: npt.NDArray[np.float32]
    bias: float


@dataclass(frozen=True)
class TissueProbes:
    """A probe for each look that a scan may have, all on one scale: normal places seldom reach 0.

    Attributes
    ----------
    by_contrast : dict of str to LinearProbe
        By the value of ``modalities.volumes.tissue.Contrast``.
    calibration : Calibration
        By normal heads as varied as the painted ones.

    Examples
    --------
    Those that come with the package know three looks:

    >>> sorted(shipped_probes().by_contrast)
    ['ct', 't1', 't2']
    """

    by_contrast: dict[str, LinearProbe]
    calibration: Calibration

    def save(self, path: Path) -> None:
        """Write the probes as safetensors, by a temporary name."""
        from safetensors.numpy import save_file

        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {look: np.append(probe.weights, np.float32(probe.bias)) for look, probe in self.by_contrast.items()}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"calibration": json.dumps(asdict(self.calibration))})

    @classmethod
    def load(cls, path: Path) -> TissueProbes:
        """Read the probes.

        Raises
        ------
        WeightsError
            The file is missing, damaged, or was made for other features.
        """
        from safetensors import SafetensorError, safe_open

        from looktwice.modalities.volumes.tissue import FEATURES

        try:
            with safe_open(path, framework="numpy") as file:
                tensors = {look: file.get_tensor(look) for look in file.keys()}  # noqa: SIM118
                calibration = Calibration(**json.loads(file.metadata()["calibration"]))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{path} is not a file of tissue probes ({type(error).__name__})") from error
        if any(values.shape != (len(FEATURES) + 1,) for values in tensors.values()):
            raise WeightsError(f"{path} was trained on other features; train it again")
        return cls({look: LinearProbe(values[:-1], float(values[-1])) for look, values in tensors.items()}, calibration)

    def logits(self, tissue: TissueMeasurement) -> FloatArray:
        """Return how unusual each place of a brain is, on its fine grid; NaN outside the brain."""
        probe = self.by_contrast[tissue.contrast.value]
        return tissue.logits(probe.weights, probe.bias)


NAME = "tissue"
TITLE = "Tissue unusual for its place"


def fits(study: Study) -> bool:
    """Whether the study is a head that could be laid into MNI space."""
    from looktwice.modalities.volumes.study import VolumeStudy

    return isinstance(study, VolumeStudy) and study.to_mni is not None


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding | None:
    """Measure a head's voxels; where much of the brain looks unusual, it is not what the source was made for.

    The calibration that the probes bring with them counts: that of other probes would mean nothing to them.
    """
    from looktwice.modalities.volumes.study import VolumeStudy
    from looktwice.modalities.volumes.tissue import measure_tissue

    assert isinstance(study, VolumeStudy)
    if context.calibration(NAME) is None:
        return None
    settings = context.config.settings.tissue
    probes = shipped_probes()
    tissues = [tissue for voxels in study.voxels if (tissue := measure_tissue(study, voxels)) is not None]
    if not tissues:
        study.notes.append("tissue not assessed: half of the brain has one and the same value (an angiogram?)")
        return None
    # Scans of one case lie on one grid; what shows in several of them counts for more than what shows in one.
    logits = np.mean([probes.logits(tissue) for tissue in tissues], axis=0)
    brain = np.isfinite(logits)
    values = np.zeros(logits.shape, np.float32)
    values[brain] = probes.calibration.probabilities(logits[brain])
    if np.mean(values[brain] > EVEN_ODDS) > settings.most_unusual:
        study.notes.append("tissue not assessed: too much of it looks unlike a brain (another contrast?)")
        return None
    heat = NativeHeat(tissues[0].fine.field(values))
    return Finding(NAME, probes.calibration.logit(worst(logits, settings)), heat, Join.REPLACE)


def calibrate(normals: Sequence[Study], context: Context) -> Calibration:
    """Return the calibration that the probes bring with them: no normal studies at hand are as varied as theirs."""
    return shipped_probes().calibration


@cache
def shipped_probes() -> TissueProbes:
    """Return the probes that come with the package."""
    return TissueProbes.load(PROBES_FILE)


def worst(logits: FloatArray, settings: TissueSettings = DEFAULTS.tissue) -> float:
    """Mean logit of a brain's most unusual places; NaN marks what is no brain."""
    inside = logits[np.isfinite(logits)]
    count = max(1, round(settings.worst_share * inside.size))
    return float(np.partition(inside, -count)[-count:].mean())


def on_common_scale(probe: LinearProbe, normals: Sequence[FloatArray]) -> LinearProbe:
    """Return a probe by which places of a usual normal brain seldom reach 0 and lie around `NORMAL_LOGIT`.

    Parameters
    ----------
    probe : LinearProbe
    normals : sequence of float32, shape (n,)
        Its logits of normal brains. Brains count alike: one with artefacts must not hide the lesions of all others.
    """
    shift = float(np.median([np.quantile(logits, 1 - RATES.tissue_places) for logits in normals]))
    middle = float(np.median([np.median(logits) for logits in normals]))
    scale = max((middle - shift) / NORMAL_LOGIT, 1e-3)
    return LinearProbe((probe.weights / scale).astype(np.float32), (probe.bias - shift) / scale)


def calibrate_by(brains: list[FloatArray]) -> Calibration:
    """Calibrate the score by the logits of normal brains; the map's are on a common scale already."""
    return Calibration(score_shift=float(np.quantile([worst(logits) for logits in brains], 1 - RATES.studies)))
