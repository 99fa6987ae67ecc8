"""Training the tissue probes: synthetic lesions in normal heads are separated from normal tissue."""

# kinds: trains a source of evidence for heads

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from looktwice.core.errors import InputError
from looktwice.core.study import BoolArray, FloatArray
from looktwice.datasets.sample import GOOD
from looktwice.datasets.synthesis.makers import mask_on_grid
from looktwice.datasets.synthesis.volumes import Anatomy, synthesize_volume, vary_scan
from looktwice.datasets.synthesis.volumes.contrast import AS_GIVEN, SEQUENCES, change_sequence
from looktwice.evidence.tissue import LinearProbe, TissueProbes, calibrate_by, on_common_scale
from looktwice.modalities.volumes.averages import Averages
from looktwice.modalities.volumes.mni import TEMPLATE_MM, on_grid, template
from looktwice.modalities.volumes.study import VolumeStudy
from looktwice.modalities.volumes.tissue import Contrast, Tissue, measure_tissue
from looktwice.modalities.volumes.voxels import Voxels

# Share of the cases whose lesion takes the shape and place of a real one, where there are some.
REAL_SHAPES = 0.6
# One case in so many has no lesion; the source is calibrated by these.
NORMAL_EVERY = 5
# Kept around a head: variation moves it by no more.
AROUND_MM = 6.0
# Blood, fat and what takes up contrast agent are bright in T1 images and CT, too.
LESIONS_AS_GIVEN = (*AS_GIVEN, "bright")
# Places drawn from a case: of the lesion at most, and of the rest.
LESION_PLACES, OTHER_PLACES = 2000, 4000
# Places drawn from a case without a lesion, enough to know its most unusual thousandth.
NORMAL_PLACES = 100_000
PENALTY = 1e-3
# Places that are surely one tissue of the template.
PURE = 0.8


@dataclass(frozen=True)
class PaintedCase:
    """A head with one lesion, measured.

    Attributes
    ----------
    kind : str
        Of the lesion; `GOOD` without one.
    sequence : str
    tissue : Tissue
    lesion : bool, shape of ``tissue.fine.values``

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> lesion = np.zeros((8, 8, 8), bool)
    >>> lesion[2:4, 2:4, 2:4] = True
    >>> tissue = SimpleNamespace(inside=lambda: np.ones((8, 8, 8), bool))  # stands for the tissue of a head
    >>> places, hit = draw_places(np.random.default_rng(0), PaintedCase("bright", "as given", tissue, lesion))
    >>> places.shape, int(hit.sum())
    ((512, 3), 8)
    """

    kind: str
    sequence: str
    tissue: Tissue
    lesion: BoolArray


def paint_cases(
    heads: Sequence[VolumeStudy], lesions: Sequence[Path] = (), count: int = 80, seed: int = 0
) -> Iterator[PaintedCase]:
    """Yield heads, varied, as several sequences would show them, most with a lesion painted in.

    Parameters
    ----------
    heads : sequence of VolumeStudy
        Normal ones. T1 images are also shown as other sequences; everything else is taken as it is.
    lesions : sequence of Path
        Binary masks of real lesions in the space of the heads.
    count : int
        Heads in turn; those that cannot be laid into MNI space give nothing.
    seed : int
        Each case has random numbers of its own.

    Raises
    ------
    InputError
        No head could be laid into MNI space.
    """
    usable = [head for head in heads if head.to_mni is not None]
    if not usable:
        raise InputError("no normal head could be aligned with the MNI152 template")
    cut = [_cut_out(head) for head in usable]
    for number in range(count):
        # One head further every two rows, so that the same head is not always the one without a lesion.
        head = cut[(number + number // (2 * NORMAL_EVERY)) % len(cut)]
        case = _paint_case(np.random.default_rng([seed, number]), head, lesions, number)
        if case is not None:
            yield case


def _cut_out(head: VolumeStudy) -> VolumeStudy:
    """Return the box around a head: what is painted and measured later takes as long as the box is large."""
    box = []
    for side, count, size in zip(head.foreground.extent, head.scan.voxels.shape, head.spacing, strict=True):
        margin = math.ceil(AROUND_MM / size)
        box.append(slice(max(0, side.start - margin), min(count, side.stop + margin)))
    shift = np.eye(4)
    shift[:3, 3] = [side.start for side in box]
    voxels = Voxels(head.scan.voxels[box[0], box[1], box[2]])
    return VolumeStudy(replace(head.scan, voxels=voxels, affine=head.scan.affine @ shift, notes=[]))


def _paint_case(
    rng: np.random.Generator, head: VolumeStudy, lesions: Sequence[Path], number: int
) -> PaintedCase | None:
    values, affine = head.scan.voxels[:, :, :], head.scan.affine
    anatomy = vary_scan(rng, Anatomy.of(values, head.spacing))
    levels, sequence = _levels(head), "as given"
    kinds: tuple[str, ...] = LESIONS_AS_GIVEN
    # Cases come in rows of one without a lesion and others with; every other row is shown as it was given.
    if levels is not None and number // NORMAL_EVERY % 2:
        sequence = str(rng.choice(list(SEQUENCES)))
        anatomy = change_sequence(rng, anatomy, levels, SEQUENCES[sequence])
        kinds = SEQUENCES[sequence].lesions
    volume, mask, kind = anatomy.volume, np.zeros(values.shape, bool), GOOD
    if number % NORMAL_EVERY:
        shape = None
        if lesions and rng.random() < REAL_SHAPES:
            shape = mask_on_grid(lesions[int(rng.integers(len(lesions)))], affine, values.shape)
        try:
            volume, mask, kind = synthesize_volume(rng, anatomy, str(rng.choice(kinds)), shape)
        except ValueError:  # no room for it; the next case has other numbers
            return None
    study = VolumeStudy(replace(head.scan, voxels=Voxels(volume), notes=[]))
    tissue = measure_tissue(study)
    if tissue is None:
        return None
    if (
        sequence != "as given" and tissue.contrast is Contrast.T1
    ):  # drawn so that white matter is brighter than grey after all
        return None
    if levels is None:  # it was no T1 image; what the variation did to its bone must not make it one
        tissue = replace(tissue, contrast=Contrast.CT)
    return PaintedCase(kind, sequence, tissue, _at_samples(mask, tissue.fine))


def _levels(head: VolumeStudy) -> tuple[float, float, float] | None:
    """Return the intensities of fluid, grey and white matter in a T1 image; None where they do not ascend."""
    brain, to_mni = template(TEMPLATE_MM), head.to_mni
    assert to_mni is not None
    coarse, foreground = head.foreground.coarse, head.foreground.mask
    scale = np.diag([*coarse.strides, 1.0])
    scale[:3, 3] = coarse.starts
    grey, white, inside = (
        on_grid(share, brain.affine, to_mni, head.scan.affine @ scale, foreground.shape)
        for share in (brain.grey, brain.white, brain.brain)
    )
    fluid = np.where(inside > PURE, 1 - grey - white, 0)
    levels = [float(np.median(coarse.values[foreground & (share > PURE)])) for share in (fluid, grey, white)]
    return (levels[0], levels[1], levels[2]) if levels[0] < levels[1] < levels[2] else None


def _at_samples(mask: BoolArray, grid: Averages) -> BoolArray:
    """Return the voxels of a mask nearest to the samples of a grid."""
    places = [np.rint(grid.positions[grid.axes.index(axis)]).astype(int) for axis in range(3)]
    sampled: BoolArray = mask[np.ix_(*places)].transpose(grid.axes)
    return sampled


def train_tissue(
    heads: Sequence[VolumeStudy],
    lesions: Sequence[Path] = (),
    cases: int = 80,
    seed: int = 0,
    track: Callable[..., Iterable[PaintedCase]] = lambda items, *_, **__: items,
) -> TissueProbes:
    """Fit a probe for each look to tell lesions from the rest, every case weighing the same.

    Cases without a lesion calibrate it.

    Parameters
    ----------
    heads, lesions, seed
        See ``paint_cases``.
    cases : int
        Some 10 s each.
    track : callable, optional
        Wraps the cases, to show progress.
    """
    drawn: dict[str, list[tuple[FloatArray, BoolArray]]] = {}
    for case in track(paint_cases(heads, lesions, cases, seed), "painting", total=cases):
        places, lesion = draw_places(np.random.default_rng(seed), case)
        drawn.setdefault(case.tissue.contrast.value, []).append((case.tissue.at(places), lesion))
    fitted = {}
    normal: list[FloatArray] = []
    for look, examples in drawn.items():
        sound = [features for features, lesion in examples if not lesion.any()]
        if not sound or len(sound) == len(examples):
            raise InputError(f"too few training cases with {look} contrast; use more with --cases")
        probe = _fit_cases([example for example in examples if example[1].any()])
        fitted[look] = on_common_scale(probe, [features @ probe.weights + probe.bias for features in sound])
        normal += [features @ fitted[look].weights + fitted[look].bias for features in sound]
    return TissueProbes(fitted, calibrate_by(normal))


def _fit_cases(examples: Sequence[tuple[FloatArray, BoolArray]]) -> LinearProbe:
    weights = [np.where(lesion, 1 / np.count_nonzero(lesion), 1 / np.count_nonzero(~lesion)) for _, lesion in examples]
    features, labels = zip(*examples, strict=True)
    return fit_logistic(np.concatenate(features), np.concatenate(labels), np.concatenate(weights))


def draw_places(rng: np.random.Generator, case: PaintedCase) -> tuple[npt.NDArray[np.intp], BoolArray]:
    """Draw places (n, 3) of a case, and tell which of them lie in its lesion."""
    inside = case.tissue.inside()
    others = NORMAL_PLACES if case.kind == GOOD else OTHER_PLACES
    parts = []
    for mask, most in ((case.lesion & inside, LESION_PLACES), (inside & ~case.lesion, others)):
        places = np.argwhere(mask)
        parts.append(places[rng.permutation(len(places))[:most]])
    return np.concatenate(parts), np.repeat([True, False], [len(part) for part in parts])


def fit_logistic(features: FloatArray, labels: BoolArray, weights: npt.NDArray[np.float64]) -> LinearProbe:
    """Fit a penalised logistic regression on standardised features; the probe takes them as they are."""
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    fit = LogisticRegression(C=PENALTY, max_iter=300)
    fit.fit((features - middle) / spread, labels, sample_weight=weights * len(weights) / weights.sum())
    slopes = (fit.coef_[0] / spread).astype(np.float32)
    return LinearProbe(slopes, float(fit.intercept_[0] - slopes @ middle))
