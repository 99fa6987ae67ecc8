"""Training data of the expert: normal images, real anomalies, and synthetic anomalies added to normal images."""

# kinds: draws examples of every kind that ships

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from looktwice import modalities
from looktwice.core.errors import InputError
from looktwice.core.shipped_pictures import SHIPPED_MATERIALS, SHIPPED_SCENES, shipped_pictures
from looktwice.core.study import ByteArray, Modality, Study
from looktwice.datasets.files import IMAGES, suffix
from looktwice.datasets.folder import open_folder
from looktwice.datasets.masks import load_mask
from looktwice.datasets.sample import Sample
from looktwice.datasets.synthesis.images import synthesize
from looktwice.modalities.finding import list_inputs
from looktwice.modalities.images import read_image

# Sides of random crops, as shares of the picture, and the side in pixels that they are brought to.
_CROP = (0.4, 1.0)
_CROP_SIDE = 512


@dataclass(frozen=True)
class Example:
    """One training picture.

    Attributes
    ----------
    image : uint8, shape (H, W, 3)
    label : int
        0 normal, 1 anomalous.
    mask : bool, shape (H, W), optional
        Where it is anomalous; None where that is not known.
    source : str
        The set or kind of material that it comes from.
    modality : Modality
    kind : str or None
        What the benchmark or the painter calls the anomaly.
    real : bool
        Whether the anomaly was found, not painted.

    Examples
    --------
    >>> tile = Source("tile", pictures=[np.arange(4096, dtype=np.uint8).reshape(64, 64, 1).repeat(3, axis=2)])
    >>> normal, painted = draw_examples(tile, 2, np.random.default_rng(0), donors=[tile])
    >>> normal.label, painted.label, painted.real, bool(painted.mask.any())
    (0, 1, False, True)
    """

    image: ByteArray
    label: int
    mask: npt.NDArray[np.bool_] | None
    source: str
    modality: Modality
    kind: str | None = None
    real: bool = False


@dataclass(eq=False)
class Source:
    """Where pictures of one kind of material come from.

    Attributes
    ----------
    name : str
    modality : Modality
    normals : list of Path or Sample
        Photographs; empty where `studies` are given.
    anomalies : list of Sample
        Real labelled ones.
    studies : list of Study
        Normal volumes or clouds, whose views are normal pictures.
    pictures : list of uint8 arrays
        Pictures at hand, of which crops are taken.

    Examples
    --------
    >>> tile = Source("tile", pictures=[np.arange(4096, dtype=np.uint8).reshape(64, 64, 1).repeat(3, axis=2)])
    >>> tile.draw_normal(np.random.default_rng(0)).shape  # a crop
    (512, 512, 3)
    """

    name: str
    modality: Modality = Modality.IMAGE
    normals: list[Path] = field(default_factory=list)
    anomalies: list[Sample] = field(default_factory=list)
    studies: list[Study] = field(default_factory=list)
    pictures: list[ByteArray] = field(default_factory=list)

    def draw_normal(self, rng: np.random.Generator) -> ByteArray:
        """Return one normal picture at random."""
        if self.studies:
            views = self.studies[int(rng.integers(len(self.studies)))].views()
            return views[int(rng.integers(len(views)))].image
        if self.pictures:
            return _random_crop(self.pictures[int(rng.integers(len(self.pictures)))], rng)
        return read_image(self.normals[int(rng.integers(len(self.normals)))])

    @property
    def has_normals(self) -> bool:
        """Whether there is anything to lay a synthetic anomaly into."""
        return bool(self.studies or self.pictures or self.normals)


def gather_sources(data: Sequence[Path], normals: Sequence[Path], left_out: Sequence[str] = ()) -> list[Source]:
    """Find what can be trained on.

    Parameters
    ----------
    data : sequence of Path
        Benchmark folders in the MVTec AD layout; every category is a source.
    normals : sequence of Path
        Normal inputs or folders of them, volumes and clouds included; each path is a source.
    left_out : sequence of str
        Categories that must not be seen in training.

    Raises
    ------
    InputError
        A folder is no benchmark, or nothing is left.
    """
    # Crops of them are normal pictures of great variety.
    sources = [Source(f"shipped {name}", pictures=shipped_pictures([name])) for name in SHIPPED_MATERIALS]
    sources.append(Source("shipped scenes", pictures=shipped_pictures(SHIPPED_SCENES)))
    shipped = len(sources)
    for folder in data:
        by_category: dict[str, Source] = {}
        for sample in open_folder(folder).samples():
            category = Path(sample.category).name
            if category in left_out or suffix(sample.path) not in IMAGES:
                continue
            source = by_category.setdefault(category, Source(category))
            if sample.label:
                source.anomalies.append(sample)
            else:
                source.normals.append(sample.path)
        sources += by_category.values()
    sources += [_source_of_studies(path) for path in normals]
    if len(sources) == shipped:
        raise InputError("there is no training data except the shipped images; give --data or --normals")
    return sources


def draw_examples(source: Source, count: int, rng: np.random.Generator, donors: Sequence[Source]) -> Iterator[Example]:
    """Yield about `count` examples of one source: half normal, half anomalous (real and synthetic in equal parts)."""
    kinds = ["normal", "synthetic"] if source.has_normals else []
    if source.anomalies:
        kinds = ["normal", "real", "normal", "synthetic"] if kinds else ["real"]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        if kind == "real":
            example = _real(source, rng)
            if example is not None:
                yield example
            continue
        picture = vary(source.draw_normal(rng), rng)
        if kind == "normal":
            yield Example(picture, 0, np.zeros(picture.shape[:2], bool), source.name, source.modality)
        else:
            givers = [donor for donor in donors if donor.has_normals]
            donor = givers[int(rng.integers(len(givers)))].draw_normal(rng)
            painted, mask, name = synthesize(picture, rng, donor=donor)
            yield Example(painted, 1, mask, source.name, source.modality, name)


def vary(image: ByteArray, rng: np.random.Generator) -> ByteArray:
    """Flip, and change brightness and contrast a little: what must not matter."""
    if rng.random() < 0.5:
        image = image[:, ::-1]
    gain, bias = rng.uniform(0.8, 1.2), rng.uniform(-20, 20)
    varied: ByteArray = np.clip(image * gain + bias, 0, 255).astype(np.uint8)
    return varied


def _source_of_studies(path: Path) -> Source:
    studies = [modalities.open(one.source, **one.options) for one in list_inputs(path)]
    if studies[0].modality is Modality.IMAGE:
        return Source(path.name, pictures=[study.views()[0].image for study in studies])
    return Source(path.name, studies[0].modality, studies=studies)


def _real(source: Source, rng: np.random.Generator) -> Example | None:
    """Return a real anomaly with its mask; None where its files cannot be used, which `datasets check` would name."""
    sample = source.anomalies[int(rng.integers(len(source.anomalies)))]
    try:
        image = read_image(sample.path)
        mask = load_mask(sample, image.shape[:2])
    except InputError:
        return None
    return Example(image, 1, mask, source.name, source.modality, sample.defect, real=True)


def _random_crop(image: ByteArray, rng: np.random.Generator) -> ByteArray:
    height, width = image.shape[:2]
    side = int(min(height, width) * rng.uniform(*_CROP))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    crop = Image.fromarray(image[top : top + side, left : left + side])
    return np.asarray(crop.resize((_CROP_SIDE, _CROP_SIDE), Image.Resampling.BICUBIC))
