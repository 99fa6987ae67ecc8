"""Naming kinds of flaws with 0, 1, 3 and 10 examples per kind: circuit boards (six kinds) and magnetic tiles (five).

    python benchmarks/classification.py DATA --out result.json [--cache FOLDER]

DATA holds ``deeppcb`` (with ``boxes.json``) and ``magnetic_tile`` in the MVTec AD layout. Boards and tiles are split
in halves, every second one; pictures of one tile stay together. Examples come from the first half only, on which the
method was designed; every figure is of the second half. ``oracle`` regions are the annotated boxes or masks,
``predicted`` ones the detector's; a flaw that the detector misses counts as wrong. Intervals: bootstrap over boards or
tiles.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from looktwice.classification.anomaly import Anomaly, AnomalyView, Contours, Detection
from looktwice.classification.measurements import measure
from looktwice.classification.namers.measured import MeasuredNamer, as_rows
from looktwice.classification.taxonomy import Taxonomy, load_taxonomies, select
from looktwice.core.atomic import atomic_path
from looktwice.datasets.files import listed
from looktwice.datasets.masks import read_mask
from looktwice.evaluation.bootstrap import interval, replicate
from looktwice.evidence.comparisons.golden_templates import GoldenTemplates
from looktwice.modalities.images import read_image
from looktwice.pipeline import Inspector

COUNTS = (0, 1, 3, 10)
DRAWS = 10


DescribedFlaw = tuple[dict[str, float], dict[str, np.ndarray]]
"""Measurements by name, and one row of each part that examples are compared by."""


@dataclass
class Flaws:
    """Flaws of one benchmark with one kind of region, described; ``found`` is False for those that were missed."""

    kinds: list[str] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    halves: list[int] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    measured: list[dict[str, float]] = field(default_factory=list)
    rows: list[dict[str, np.ndarray]] = field(default_factory=list)

    def add(self, kind: str, group: int, half: int, described: DescribedFlaw | None) -> None:
        """Add one flaw; None for one that was missed."""
        self.kinds.append(kind)
        self.groups.append(group)
        self.halves.append(half)
        self.found.append(described is not None)
        self.measured.append(described[0] if described else {})
        self.rows.append(described[1] if described else {})

    def take(self, indices: list[int]) -> dict[str, np.ndarray]:
        """Return the descriptions of some flaws, row by row."""
        return {name: np.concatenate([self.rows[index][name] for index in indices]) for name in self.rows[indices[0]]}


def describe(namer: MeasuredNamer, view: AnomalyView, tokens: np.ndarray | None = None) -> DescribedFlaw:
    """Measure and encode one region; tokens that are known already are taken as they are."""
    measured = measure(view, namer.taxonomy.drawing)
    if tokens is None:
        return measured, namer.describe([Anomaly((view,), Contours.ORACLE)])
    return measured, {"tokens": tokens, **as_rows([measured])}


def boards(data: Path, inspector: Inspector, taxonomy: Taxonomy, limit: int) -> dict[str, Flaws]:
    """Describe every flaw of the boards: by box with and without the flawless drawing, and as it is found."""
    root, namer = data / "deeppcb", MeasuredNamer(inspector.expert.encoder, taxonomy)
    boxes = json.loads((root / "boxes.json").read_text())
    normal = [read_image(path) for path in listed(root / "train" / "good") + listed(root / "test" / "good")]
    templates = GoldenTemplates(normal)
    sets = {name: Flaws() for name in ("oracle", "oracle, no flawless drawing", "predicted")}
    for number, name in enumerate(sorted(boxes)[:limit]):
        image = read_image(root / "test" / "defect" / name)
        same = templates.find(image)
        expected = None if same is None else normal[same]
        marked = np.zeros(image.shape[:2], bool) if same is None else templates.compare(image, same) >= 0.5
        parts, _ = ndimage.label(marked, np.ones((3, 3)))
        for entry in boxes[name]:
            left, top, right, bottom = entry["box"]
            box = np.zeros(image.shape[:2], bool)
            box[top:bottom, left:right] = True
            inside = np.bincount(parts[box], minlength=2)[1:]
            predicted = parts == inside.argmax() + 1 if inside.any() else None
            group, half = number, number % 2
            oracle = describe(namer, AnomalyView(image, box, expected=expected))
            alone = describe(namer, AnomalyView(image, box), oracle[1]["tokens"])
            found = None if predicted is None else describe(namer, AnomalyView(image, predicted, expected=expected))
            for flaws, described in zip(sets.values(), (oracle, alone, found), strict=True):
                flaws.add(entry["type"], group, half, described)
    return sets


def tiles(data: Path, inspector: Inspector, taxonomy: Taxonomy, limit: int) -> dict[str, Flaws]:
    """Describe every flawed tile by its mask, and as the detector sees it against 24 normal tiles."""
    root, namer = data / "magnetic_tile", MeasuredNamer(inspector.expert.encoder, taxonomy)
    normal = listed(root / "train" / "good")
    inspector = inspector.comparing_with(normal[:: max(1, len(normal) // 24)][:24])
    entries = [
        (kind, path, mask)
        for kind in taxonomy.classes
        for path in listed(root / "test" / kind)
        if (mask := read_mask(root / "ground_truth" / kind / f"{path.stem}_mask.png")).any()
    ]
    groups = same_tile([path for _, path, _ in entries], [mask for _, _, mask in entries])
    kept = np.random.default_rng(0).permutation(len(entries))[:limit]
    sets = {name: Flaws() for name in ("oracle", "predicted", "predicted, known to be flawed")}
    for index in sorted(kept):
        (kind, path, mask), group = entries[index], groups[index]
        of_kind = sorted({other for (name, _, _), other in zip(entries, groups, strict=True) if name == kind})
        half = of_kind.index(group) % 2
        oracle = describe(namer, AnomalyView(read_image(path), mask))
        seen = Detection.of(inspector.look(path), inspector.map_threshold)
        anomaly = seen.anomaly(certain=True)
        assert anomaly is not None
        known = describe(namer, anomaly.views[0])
        noticed = known if seen.is_anomalous else None
        for flaws, described in zip(sets.values(), (oracle, noticed, known), strict=True):
            flaws.add(kind, group, half, described)
    return sets


def same_tile(paths: list[Path], masks: list[np.ndarray]) -> list[int]:
    """Group pictures of one tile (they were taken up to six times): alike in their fine structure or in their flaw."""
    thumbs, small = [], []
    for path, mask in zip(paths, masks, strict=True):
        thumb = np.asarray(Image.open(path).convert("L").resize((64, 64), Image.Resampling.BILINEAR), float)
        fine = thumb - ndimage.gaussian_filter(thumb, 3)
        fine = np.clip(fine / fine.std(), -3, 3).ravel()
        fine -= fine.mean()
        thumbs.append(fine / np.linalg.norm(fine))
        picture = Image.fromarray(mask.astype(np.float32)).resize((96, 96), Image.Resampling.BOX)
        small.append(np.asarray(picture).ravel())
    alike = np.array(thumbs) @ np.array(thumbs).T
    overlap = np.array([[np.minimum(a, b).sum() / np.maximum(a, b).sum() for b in small] for a in small])
    _, groups = connected_components((alike > 0.75) | ((overlap > 0.5) & (alike > 0.3)))
    return [int(group) for group in groups]


def draw(flaws: Flaws, count: int, generator: np.random.Generator) -> list[int]:
    """Draw `count` examples of each kind out of the first half, from as many boards or tiles as there are."""
    chosen: list[int] = []
    for kind in dict.fromkeys(flaws.kinds):
        pool = [
            index
            for index in generator.permutation(len(flaws.kinds))
            if flaws.kinds[index] == kind and flaws.halves[index] == 0 and flaws.found[index]
        ]
        turn: dict[int, int] = {}
        order = {}
        for index in pool:
            order[index] = turn[flaws.groups[index]] = turn.get(flaws.groups[index], 0) + 1
        chosen += sorted(pool, key=order.__getitem__)[:count]
    return chosen


def figures(flaws: Flaws, taxonomy: Taxonomy, count: int) -> dict[str, Any]:
    """Return accuracy over the second half with its interval, the mean over draws of examples."""
    kinds, tested = np.array(flaws.kinds), [index for index, half in enumerate(flaws.halves) if half == 1]
    right = []
    for seed in range(DRAWS if count else 1):
        namer = MeasuredNamer(None, taxonomy)  # type: ignore[arg-type]
        if count:
            chosen = draw(flaws, count, np.random.default_rng(seed))
            namer.learn(flaws.take(chosen), list(kinds[chosen]))
        right.append([decide(namer, flaws, index) == kinds[index] for index in tested])
    share = np.mean(right, axis=0)
    groups = [flaws.groups[index] for index in tested]
    drawn = replicate(lambda weights: (weights * share).sum(axis=1) / weights.sum(axis=1), groups)
    per_kind = {kind: float(share[kinds[tested] == kind].mean()) for kind in dict.fromkeys(kinds[tested])}
    return {
        "accuracy": float(share.mean()),
        "ci95": interval(drawn),
        "over_draws_std": float(np.mean(right, axis=1).std()),
        "per_kind": per_kind,
        "tested": len(tested),
        "groups": len(set(groups)),
        "found": float(np.mean([flaws.found[index] for index in tested])),
    }


def decide(namer: MeasuredNamer, flaws: Flaws, index: int) -> str:
    if not flaws.found[index]:
        return "missed"
    return namer.decide(flaws.measured[index], namer.recognise(flaws.rows[index])).key


def described_sets(
    data: Path, cache: Path | None, limit: int, only: str | None
) -> Iterator[tuple[str, Taxonomy, dict[str, Flaws]]]:
    inspector = None
    for name, category in (("deeppcb", "circuit_board"), ("magnetic_tile", "magnetic_tile")):
        if only not in (None, name):
            continue
        taxonomy = select(load_taxonomies(category), None)
        kept = None if cache is None else cache / f"{name}.pickle"
        if kept is not None and kept.exists():
            yield name, taxonomy, pickle.loads(kept.read_bytes())
            continue
        inspector = inspector or Inspector(llm="template")
        if name == "deeppcb":
            sets = boards(data, inspector, taxonomy, limit)
        else:
            sets = tiles(data, inspector, taxonomy, limit)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(pickle.dumps(sets))
        yield name, taxonomy, sets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="keep described regions here, made by this script alone")
    parser.add_argument("--limit", type=int, default=1000, help="use so many boards, and so many pictures of tiles")
    parser.add_argument("--only", choices=("deeppcb", "magnetic_tile"))
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    asked = arguments.data, arguments.cache, arguments.limit, arguments.only
    for name, taxonomy, sets in described_sets(*asked):
        for regions, flaws in sets.items():
            for count in COUNTS:
                row = figures(flaws, taxonomy, count)
                result.setdefault(name, {}).setdefault(regions, {})[str(count)] = row
                low, high = row["ci95"] or (float("nan"), float("nan"))
                print(
                    f"{name:14} {regions:30} {count:3} examples  {row['accuracy']:.3f} [{low:.3f}, {high:.3f}]  "
                    f"n={row['tested']} in {row['groups']}, found {row['found']:.2f}",
                    flush=True,
                )
        with atomic_path(arguments.out) as temporary:
            temporary.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
