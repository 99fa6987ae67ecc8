"""Train the adapted encoder without one fold and measure it on that fold: alone, beside 8 references, as a cohort.

    python benchmarks/adapted_encoder.py DATA --fold a --out runs/a [--pool FOLDER] [--steps 600] [--plain]

DATA holds the sets of ``folds.yaml`` and the folders ``volumes/templates``, ``volumes/healthy`` and ``meshes`` at any
depth; what is missing is not trained on. The encoded training pictures are kept in ``--pool`` and serve every fold; a
stopped training goes on. With ``--plain``, the encoder as it was published is measured in the same way, without
training. Several folds, as in ``--fold a c``, are left out together.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from fold_protocol import FOLDS, TestedSet, draw_set, names_left_out, names_tested
from sklearn.metrics import roc_auc_score
from torch import Tensor

from looktwice.core.atomic import write_json
from looktwice.core.shipped_pictures import shipped_pictures
from looktwice.datasets.masks import load_mask
from looktwice.encoders.dinov2 import DinoV2Small
from looktwice.evidence.networks.adapted_look_twice import AdaptedLookTwice
from looktwice.modalities.images import read_image
from looktwice.training.adaptation import AdaptationRecipe, inject_adapters, train_adapters
from looktwice.training.corpus import Source, gather_sources
from looktwice.training.pool import PictureSource, Pool, fill_pool

SIDE, EXAMPLES, BATCH = 252, 240, 8
# Levels whose tokens are compared (blocks 5 and 8), and the share of a map's worst tokens.
COMPARED, WORST = (1, 2), 0.02
# Beside references and in a cohort, the image logit counts a little; chosen in the trial of shared figures.
OWN_WEIGHT = 3 / 8
NEAREST_SHARE = 0.3
PIXELS, STEP = 126, 3


def gather(data: Path) -> list[Source]:
    """Return every source of training pictures, whatever the fold."""
    listed = yaml.safe_load(FOLDS.read_text())
    roots = sorted({path.parent.parent for path in data.glob("**/test")} | set(data.glob("**/textures")))
    more = [path for name in ("volumes/templates", "volumes/healthy", "meshes") for path in data.glob(f"**/{name}")]
    sources = gather_sources(roots, more)
    for source in sources:
        if source.name in listed["normals_only"]:
            source.anomalies.clear()
        if source.name in listed["anomalies_only"]:
            source.normals.clear()
    return sources


def fill(data: Path, folder: Path, encoder: DinoV2Small, recipe: AdaptationRecipe) -> list[Path]:
    """Encode the training pictures of every source, unless they are kept already; return the files."""
    sources = gather(data)
    always = yaml.safe_load(FOLDS.read_text())["always"]
    donors = [Source("shipped", pictures=shipped_pictures()), *(one for one in sources if one.name in always)]
    files = []
    for source in sources:
        path = folder / f"{source.name.replace(' ', '_')}.pt"
        files.append(path)
        if path.exists():
            continue
        rng = np.random.default_rng([recipe.seed, zlib.crc32(source.name.encode())])
        pictures = PictureSource(source, SIDE, [source, *donors]).draw(EXAMPLES, rng)
        fill_pool(encoder, recipe.first_block, source.name, pictures).save(path)
        print(f"encoded {source.name}", flush=True)
    return files


def train(data: Path, folds: Sequence[str], out: Path, pool: Path, steps: int) -> tuple[DinoV2Small, AdaptedLookTwice]:
    """Train without some folds, or go on where a training stopped."""
    recipe = AdaptationRecipe(steps=steps)
    encoder = DinoV2Small(SIDE)
    files = fill(data, pool, encoder, recipe)
    left_out = {name for fold in folds for name in names_left_out(fold)}
    examples = Pool.join([Pool.load(path) for path in files if path.stem not in left_out])
    print(f"{len(examples)} examples of {len(set(examples.sources))} sources", flush=True)
    torch.manual_seed(recipe.seed)
    inject_adapters(encoder, recipe)
    look_twice = AdaptedLookTwice(encoder.level_dims)
    recent: list[dict[str, float]] = []

    def report(step: int, values: dict[str, float]) -> None:
        recent.append(values)
        if len(recent) == 25:
            print(step + 1, {name: round(sum(one[name] for one in recent) / 25, 3) for name in values}, flush=True)
            recent.clear()

    train_adapters(encoder, look_twice, examples, recipe, out / "checkpoint.pt", report)
    return encoder, look_twice


class Looker:
    """Looks at pictures once and keeps what all measurements need of them."""

    def __init__(self, encoder: DinoV2Small, look_twice: AdaptedLookTwice | None) -> None:
        self.encoder, self.look_twice = encoder, look_twice

    @torch.inference_mode()
    def look(self, paths: Sequence[Path]) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (V,), map logits (V, h, w) and unit tokens (V, levels, N, C) in half precision."""
        logits, maps, tokens = [], [], []
        for start in range(0, len(paths), BATCH):
            seen = self.encoder.encode([read_image(path) for path in paths[start : start + BATCH]])
            if self.look_twice is None:
                found = torch.zeros(len(seen.final), *self.encoder.grid), torch.zeros(len(seen.final))
            else:
                found = self.look_twice(seen.levels, self.encoder.grid)
            maps.append(found[0])
            logits.append(found[1])
            tokens.append(torch.stack([F.normalize(seen.levels[level], dim=-1).half() for level in COMPARED], dim=1))
        return torch.cat(logits), torch.cat(maps), torch.cat(tokens)


def measure(one: TestedSet, looker: Looker) -> dict[str, Any]:
    """Return the figures of one set."""
    paths = one.paths
    row = {path: index for index, path in enumerate(paths)}
    logits, maps, tokens = looker.look(paths)
    anomalous = [row[sample.path] for sample in one.anomalous]
    beside, beside_own = [], []
    for draw in one.draws:
        normal = [row[path] for path in draw.normal]
        tested, labels = normal + anomalous, [0] * len(normal) + [1] * len(anomalous)
        distance = beside_references(tokens[[row[path] for path in draw.references]], tokens[tested])
        beside.append(roc_auc_score(labels, distance))
        beside_own.append(roc_auc_score(labels, distance + OWN_WEIGHT * logits[tested]))
    normal = [row[path] for path in one.normal]
    tested, labels = normal + anomalous, [0] * len(normal) + [1] * len(anomalous)
    mutual, own = in_cohort(tokens[tested], looker.encoder.grid), logits[tested]
    standard = (own - own.median()) / own.std().clamp_min(1e-6)
    return {
        "normal": len(normal),
        "anomalous": len(anomalous),
        "alone": roc_auc_score(labels, own),
        "pixel": pixel_auroc(one, maps[anomalous]),
        "references": float(np.mean(beside)),
        "references_and_own": float(np.mean(beside_own)),
        "cohort": roc_auc_score(labels, mutual),
        "cohort_and_own": roc_auc_score(labels, mutual + standard),
    }


def beside_references(references: Tensor, tested: Tensor) -> Tensor:
    """Return how far each picture is from references, in standard deviations of their own leave-one-out distances."""
    total, own = torch.zeros(()), torch.zeros(())
    for level in range(references.shape[1]):
        known, seen = references[:, level].float(), tested[:, level].float()
        others = [torch.cat([*known[:number], *known[number + 1 :]]) for number in range(len(known))]
        left_out = torch.stack([_distance(one, rest) for one, rest in zip(known, others, strict=True)])
        usual = _worst(left_out).median()
        total = total + torch.stack([_distance(one, known.flatten(0, 1)) for one in seen]) / usual
        own = own + left_out / usual
    logarithm, reference = _worst(total).log(), _worst(own).log()
    return (logarithm - reference.mean()) / reference.std().clamp_min(0.03)


def in_cohort(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return how far each picture is from the others, in standard deviations over the cohort (mutual scoring)."""
    total = torch.zeros(len(tokens))
    for level in range(tokens.shape[1]):
        square = tokens[:, level].float().transpose(1, 2).unflatten(2, grid)
        coarse = F.normalize(F.avg_pool2d(square, 2, ceil_mode=True), dim=1).flatten(2).transpose(1, 2)
        scores = torch.stack([_worst(one[None])[0] for one in _mutual(coarse)]).log()
        total += (scores - scores.median()) / scores.std()
    return total


def pixel_auroc(one: TestedSet, maps: Tensor) -> float | None:
    """Return the AUROC over the pixels of all anomalous images with a mask, on a coarser grid."""
    values, labels = [], []
    for sample, heat in zip(one.anomalous, maps, strict=True):
        mask = None if sample.mask is None else load_mask(sample, read_image(sample.path).shape[:2])
        if mask is None or not mask.any():
            continue
        shown = F.interpolate(heat[None, None], (PIXELS, PIXELS), mode="bilinear")
        truth = F.interpolate(torch.from_numpy(mask).float()[None, None], (PIXELS, PIXELS), mode="area") >= 0.5
        values.append(shown.flatten()[::STEP])
        labels.append(truth.flatten()[::STEP])
    known = bool(labels) and bool(torch.cat(labels).any())
    return float(roc_auc_score(torch.cat(labels), torch.cat(values))) if known else None


def _mutual(tokens: Tensor) -> Iterator[Tensor]:
    for number, own in enumerate(tokens):
        others = [other for index, other in enumerate(tokens) if index != number]
        distances = torch.stack([_distance(own, other) for other in others], dim=1)
        kept = max(1, round(NEAREST_SHARE * distances.shape[1]))
        yield distances.topk(kept, dim=1, largest=False).values.mean(dim=1)


def _distance(tokens: Tensor, bank: Tensor) -> Tensor:
    return 1 - (tokens @ bank.T).amax(dim=1)


def _worst(maps: Tensor) -> Tensor:
    return maps.topk(max(1, int(maps.shape[1] * WORST)), dim=1).values.mean(dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fold", nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pool", type=Path, default=Path("runs/pool"))
    parser.add_argument("--steps", type=int, default=AdaptationRecipe.steps)
    parser.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.plain:
        looker = Looker(DinoV2Small(SIDE), None)
    else:
        asked = arguments.data, arguments.fold, arguments.out, arguments.pool, arguments.steps
        looker = Looker(*train(*asked))
    found = {}
    for name in names_tested(arguments.fold):
        found[name] = measure(draw_set(arguments.data, name), looker)
        print(
            name, {key: value if value is None else round(value, 3) for key, value in found[name].items()}, flush=True
        )
        write_json(found, arguments.out / ("plain.json" if arguments.plain else "figures.json"))
    names = [name for name in next(iter(found.values())) if name not in ("normal", "anomalous")]
    means = {name: [row[name] for row in found.values() if row[name] is not None] for name in names}
    print("mean", {name: round(float(np.mean(values)), 3) for name, values in means.items() if values})


if __name__ == "__main__":
    main()
