"""Reading ground truth: pixels, voxels or points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.datasets.files import IMAGES, VOLUMES, suffix
from looktwice.datasets.sample import Sample

BoolArray = npt.NDArray[np.bool_]


def load_mask(sample: Sample, shape: tuple[int, ...] | None = None) -> BoolArray | None:
    """Return where a sample is anomalous.

    Parameters
    ----------
    sample : Sample
    shape : tuple of int, optional
        The input's own grid: (H, W) pixels, (I, J, K) voxels or (P,) points. A mask of another size is an error;
        a normal sample without a mask needs it, to give zeros of that size.

    Returns
    -------
    bool array of `shape`, or None for an anomalous sample whose place is not known.

    Raises
    ------
    InputError
        The mask cannot be read, or its size is not `shape`.
    ValueError
        `sample` is normal, has no mask, and `shape` is not given.

    Examples
    --------
    >>> from pathlib import Path
    >>> from looktwice.datasets import Sample, load_mask
    >>> normal = Sample(Path("000.png"), 0, None, "bottle", "good", "test", None, "mine")
    >>> load_mask(normal, (480, 640)).any()
    np.False_
    """
    if sample.mask is None:
        if sample.label == 1:
            return None
        if shape is None:
            raise ValueError("a normal sample without a mask needs `shape`")
        return np.zeros(shape, bool)
    mask = read_mask(sample.mask)
    for path in sample.more_masks:
        other = read_mask(path)
        if other.shape != mask.shape:
            raise InputError(
                f"{path.name} is {other.shape}, but {sample.mask.name} is {mask.shape}; masks of one input must have "
                "the same size"
            )
        mask |= other
    if shape is not None and mask.shape != tuple(shape):
        raise InputError(
            f"mask {sample.mask} is {'×'.join(map(str, mask.shape))}, but its input is {'×'.join(map(str, shape))}; "
            "resize one of them"
        )
    return mask


def read_mask(path: Path) -> BoolArray:
    """Read one mask file.

    Pictures and volumes: whatever is not 0 is anomalous (JPEG, which is lossy: above 127). ``.npy`` and ``.txt`` hold
    one value per point; where a text has several columns (x y z label), the last one counts.

    Returns
    -------
    bool array: (H, W), (I, J, K) or (P,).
    """
    try:
        return _READERS[_kind(path)](path)
    except FileNotFoundError:
        raise InputError(f"mask {path} does not exist") from None
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"mask {path} cannot be read: {error}") from None


def _kind(path: Path) -> str:
    ending = suffix(path)
    formats = {"picture": IMAGES, "volume": VOLUMES, "array": (".npy",), "text": (".txt",)}  # kind: of files of masks
    for kind, endings in formats.items():
        if ending in endings:
            return kind
    raise InputError(f"mask {path} has an unsupported format; supported are images, .nii.gz, .npy and .txt")


def _picture(path: Path) -> BoolArray:
    from PIL import Image

    with Image.open(path) as picture:
        # A palette's indices are the classes; its colours are decoration.
        values = np.asarray(picture)
        if picture.mode in ("RGBA", "LA"):
            values = values[..., :-1]
    limit = 127 if suffix(path) in (".jpg", ".jpeg") else 0
    marked: BoolArray = values > limit
    return np.asarray(marked.any(axis=-1)) if marked.ndim == 3 else marked


def _volume(path: Path) -> BoolArray:
    import nibabel as nib

    values = np.asanyarray(nib.Nifti1Image.from_filename(path).dataobj)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    marked: BoolArray = values > 0
    return marked


def _array(path: Path) -> BoolArray:
    return _per_point(np.load(path, allow_pickle=False))


def _text(path: Path) -> BoolArray:
    first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    return _per_point(np.loadtxt(path, delimiter="," if "," in first else None, ndmin=2))


def _per_point(values: npt.NDArray[np.generic]) -> BoolArray:
    marked: BoolArray = (values[:, -1] if values.ndim == 2 else values) > 0  # type: ignore[operator]
    return marked


_READERS = {"picture": _picture, "volume": _volume, "array": _array, "text": _text}  # kind: of files of masks
