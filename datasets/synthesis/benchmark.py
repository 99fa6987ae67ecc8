"""Writing synthetic anomalies as a benchmark folder in the MVTec AD layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from looktwice.core.atomic import atomic_path, write_json
from looktwice.datasets.sample import GOOD
from looktwice.datasets.synthesis.makers import Case, Maker

Track = Callable[[Sequence[int]], Iterable[int]]


@dataclass
class Written:
    """What was written for one category.

    Attributes
    ----------
    category : str
    counts : Counter
        By folder: ``train/good``, ``test/good``, ``test/<kind>``.
    skipped : list of str
        Cases that could not be made, and why.

    Examples
    --------
    >>> written = Written("tile", skipped=["hole 001: no room for it"])
    >>> written.counts["test/hole"] += 1
    >>> written.to_json()
    {'category': 'tile', 'counts': {'test/hole': 1}, 'skipped': ['hole 001: no room for it']}
    """

    category: str
    counts: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as one JSON object."""
        return {"category": self.category, "counts": dict(sorted(self.counts.items())), "skipped": self.skipped}


@dataclass(frozen=True)
class Amounts:
    """How many cases of a category to write.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from looktwice.datasets.synthesis.makers import PictureMaker
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.linear_gradient("L").save(f"{folder}/sound.png")
    ...     maker = PictureMaker([Path(folder, "sound.png")])
    ...     written = write_category(maker, Path(folder, "tile"), Amounts(anomalous=2, normal=3), ["stain"])
    >>> written.to_json()["counts"]
    {'test/good': 3, 'test/stain': 2}
    """

    anomalous: int
    normal: int
    train: int = 0


def write_category(
    maker: Maker,
    folder: Path,
    amounts: Amounts,
    kinds: Sequence[str] = (),
    seed: int = 0,
    track: Track = iter,
) -> Written:
    """Write one category: ``{train/good, test/good, test/<kind>, ground_truth/<kind>/<name>_mask.*}``.

    Normal and anomalous cases pass through the same steps and the same file format, so that nothing but the anomaly
    tells them apart; where there are two sources or more, no source gives both. Each case has a seed of its own: the
    first hundred are the same whether a hundred or a thousand are written.

    Parameters
    ----------
    maker : Maker
    folder : Path
        Made here; its name is the category.
    amounts : Amounts
    kinds : sequence of str
        Taken in turn; by default all that the maker knows.
    seed : int
    track : callable, optional
        Wraps the numbers of the cases, to show progress.
    """
    order = np.random.default_rng(seed).permutation(maker.sources)
    sound, damaged = (order[::2], order[1::2]) if maker.sources > 1 else (order, order)
    names = list(kinds or maker.kinds)
    jobs: list[tuple[str, int, str | None, int]] = [
        *(("train", 1, None, number) for number in range(amounts.train)),
        *(("test", 2, None, number) for number in range(amounts.normal)),
        *(("test", 3, names[number % len(names)], number) for number in range(amounts.anomalous)),
    ]
    written = Written(folder.name)
    for index in track(range(len(jobs))):
        split, part, kind, number = jobs[index]
        sources = sound if kind is None else damaged
        # Training and testing begin at different ends, and share sources only where these run out.
        source = int(sources[number % len(sources) if part != 1 else -1 - number % len(sources)])
        try:
            case = maker.make(np.random.default_rng([seed, part, number]), source, kind)
        except ValueError as error:
            written.skipped.append(f"{kind} {number:03d}: {error}")
            continue
        _write(case, folder, split, f"{number:03d}", maker)
        written.counts[f"{split}/{case.kind or GOOD}"] += 1
    return written


def write_manifest(out: Path, written: Sequence[Written], seed: int) -> None:
    """Write ``synthesis.json``: what was made, with which seed and version."""
    from looktwice.core.version import __version__

    manifest = {"made_by": f"looktwice {__version__}", "seed": seed, "categories": [one.to_json() for one in written]}
    write_json(manifest, out / "synthesis.json")


def _write(case: Case, folder: Path, split: str, name: str, maker: Maker) -> None:
    """Write the ground truth first: an input without it would look normal."""
    if case.kind is not None:
        truth = folder / "ground_truth" / case.kind
        truth.mkdir(parents=True, exist_ok=True)
        with atomic_path(truth / f"{name}_mask{maker.mask_ending}") as path:
            case.save_mask(path)
    place = folder / split / (case.kind or GOOD)
    place.mkdir(parents=True, exist_ok=True)
    with atomic_path(place / f"{name}{maker.ending}") as path:
        case.save(path)
