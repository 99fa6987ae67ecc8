"""Scenes for training the reasoner: normal and anomalous images of all three domains, with their ground truth."""

# kinds: paints anomalies into every kind that ships

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from looktwice import modalities
from looktwice.core.study import ByteArray, Modality, Study
from looktwice.core.wording.kinds import kind_of
from looktwice.datasets.instruct_words import Domain
from looktwice.datasets.masks import read_mask
from looktwice.datasets.synthesis.makers import CloudMaker, Maker, ScanMaker
from looktwice.modalities.pointclouds import CloudStudy
from looktwice.modalities.volumes.study import VolumeStudy
from looktwice.training.corpus import Source, draw_examples

BoolArray = npt.NDArray[np.bool_]

OTHER_VIEWS = 2
"""Views of a study that are shown beside the one that it is about."""

SCENES_PER_CASE = 12
"""Views taken out of one scan or cloud that was made for the purpose."""

LEAST_SEEN = 0.001
"""An anomaly that covers less of a view is not said to be seen in it."""

POINTS = 40_000


@dataclass(frozen=True)
class Scene:
    """One thing to talk about.

    Attributes
    ----------
    pictures : list of uint8 arrays (H, W, 3)
        The view that it is about, then others of the same study.
    names : list of str
        Of the views; empty for a photograph.
    mask : bool, shape (H, W)
        Where the first picture is anomalous; nowhere if it is not.
    kind : str or None
        One of ``kinds.KINDS``; None for a normal picture.
    domain : Domain
    modality : Modality
    thing : str

    Examples
    --------
    >>> tile = Source("metal_tile", pictures=[np.arange(4096, dtype=np.uint8).reshape(64, 64, 1).repeat(3, axis=2)])
    >>> rng = np.random.default_rng(0)
    >>> scene = next(photograph_scenes(tile, 1, rng, donors=[tile], domain=Domain.INDUSTRIAL))
    >>> scene.thing, scene.kind, bool(scene.mask.any())  # the first one is normal
    ('metal tile', None, False)
    """

    pictures: list[ByteArray]
    names: list[str]
    mask: BoolArray
    kind: str | None
    domain: Domain
    modality: Modality
    thing: str


def photograph_scenes(
    source: Source, count: int, rng: np.random.Generator, *, donors: Sequence[Source], domain: Domain
) -> Iterator[Scene]:
    """Yield about `count` photographs of a source; anomalies without a place keep the whole picture as theirs.

    A real anomaly whose kind has no name here is passed over.
    """
    for example in draw_examples(source, count, rng, donors):
        kind = kind_of(example.kind) if example.kind else None
        if example.label and kind is None:
            continue
        mask = example.mask if example.mask is not None else np.ones(example.image.shape[:2], bool)
        yield Scene([example.image], [], mask, kind, domain, Modality.IMAGE, source.name.replace("_", " "))


def study_scenes(study: Study, count: int, rng: np.random.Generator) -> Iterator[Scene]:
    """Yield `count` views of scans or clouds made out of a sound one, every other one damaged in 3D.

    Raises
    ------
    InputError
        It is neither a NIfTI scan nor a mesh, which is what can be damaged.
    """
    maker: Maker = (
        ScanMaker([study.source]) if study.modality is Modality.VOLUME else CloudMaker(study.source, [POINTS])
    )
    with TemporaryDirectory() as scratch:
        path, mask_path = Path(scratch) / f"case{maker.ending}", Path(scratch) / f"mask{maker.mask_ending}"
        made = 0
        for number in range(4 * count):
            kind = str(rng.choice(list(maker.kinds))) if number % 2 else None
            try:
                case = maker.make(rng, 0, kind)
            except ValueError:  # this specimen does not take this kind
                continue
            case.save(path)
            case.save_mask(mask_path)
            for scene in _scenes_of(modalities.open(path), read_mask(mask_path), case.kind, rng):
                yield scene
                made += 1
                if made == count:
                    return


def _scenes_of(study: Study, truth: BoolArray, name: str | None, rng: np.random.Generator) -> Iterator[Scene]:
    """Yield views of one study: those that show the damage, or any if it is sound; none if the damage has no name."""
    views = study.views()
    kind = None if name is None else "lesion" if study.modality is Modality.VOLUME else kind_of(name)
    if name is not None and kind is None:
        return
    domain, thing = (Domain.MEDICAL, "scan") if study.modality is Modality.VOLUME else (Domain.SHAPE, "part")
    left = SCENES_PER_CASE
    for index in rng.permutation(len(views)):
        mask = view_mask(study, int(index), truth)
        if kind and mask.mean() < LEAST_SEEN:
            continue
        left -= 1
        if left < 0:
            return
        others = [int(other) for other in rng.choice(len(views), OTHER_VIEWS) if other != index]
        shown = [views[at] for at in (int(index), *others)]
        names = [view.name for view in shown]
        yield Scene([view.image for view in shown], names, mask, kind, domain, study.modality, thing)


def view_mask(study: Study, index: int, truth: BoolArray) -> BoolArray:
    """Return where one view shows what is marked in the study's own space.

    Parameters
    ----------
    study : Study
        A volume, or a cloud all of whose points are drawn.
    index : int
        Of the view.
    truth : bool
        (I, J, K) voxels or (P,) points.

    Returns
    -------
    bool, shape (H, W)
    """
    if isinstance(study, VolumeStudy):
        at = 0
        for stack in study.stacks:
            if index - at < len(stack.indices):
                break
            at += len(stack.indices)
        canvas = stack.canvas
        [plane] = canvas.crop(truth.take([int(stack.indices[index - at])], axis=canvas.across).astype(np.float32))
        painted = canvas.paint(np.repeat((plane * 255).astype(np.uint8)[..., None], 3, axis=2))
        return np.asarray(painted[..., 0] > 127)
    assert isinstance(study, CloudStudy)
    shown = study.rendering(index).index
    return np.asarray(truth[shown] & (shown >= 0))
