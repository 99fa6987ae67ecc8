"""Measure experts on the sets that they were trained without: alone, beside 2 to 8 references, as a cohort.

    python benchmarks/folds.py DATA --expert a,c=runs/ac/expert.safetensors [--expert ...] --out FILE.json

DATA holds the sets of ``folds.yaml`` at any depth. Images and draws are those of ``yardsticks.py``; the logits of every
image are kept, so that differences are paired. A set that FILE holds already is not measured again. A logit above 0 is
a score above the shipped threshold. Every picture is encoded once.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from fold_protocol import TestedSet, draw_set, names_left_out, names_tested
from fold_tables import SETTINGS, auroc, rates, scored
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from looktwice.core.atomic import write_json
from looktwice.core.batches import batched
from looktwice.core.device import resolve_device
from looktwice.core.errors import InputError
from looktwice.core.finding import Finding
from looktwice.core.study import ByteArray
from looktwice.datasets.masks import load_mask
from looktwice.evidence import ltfm
from looktwice.evidence.base import Context
from looktwice.evidence.comparisons.photographs import PhotographCohort, PhotographReferences, Seen, see
from looktwice.evidence.encoding import StudyTokens, encode_photographs
from looktwice.evidence.expert import Expert
from looktwice.evidence.expert_file import load_expert
from looktwice.modalities.images import read_image
from looktwice.modalities.images.study import ImageStudy

BATCH = 8
COUNTS = (2, 4, 8)
PIXELS, STEP = 126, 3


class Looker:
    """Looks at pictures once and keeps what all comparisons need of them."""

    def __init__(self, expert: Expert) -> None:
        self.context, self.settings = Context(expert), expert.config.settings

    def look(self, paths: Sequence[Path]) -> tuple[dict[Path, Finding], dict[Path, Seen]]:
        """Return what is found in each picture alone, and what comparisons need of it."""
        findings, seen = {}, {}
        for batch in batched(readable(paths), BATCH):
            pictures = [picture for _, picture in batch]
            views = encode_photographs(self.context.expert, pictures)
            judged = ltfm.keep(views, self.context)
            described = see(views, self.settings.photographs)
            for (path, picture), one, own in zip(batch, described, judged, strict=True):
                study = ImageStudy(path, picture)
                findings[path] = ltfm.look(study, StudyTokens(one.grid, {"ltfm": [own]}), self.context)
                seen[path] = replace(one, judged=own)
        return findings, seen


def measure(one: TestedSet, looker: Looker) -> dict[str, Any]:
    """Return the logits of every tested image, the labels, and the AUROCs over pixels."""
    alone, seen = looker.look(one.paths)
    anomalous = [sample.path for sample in one.anomalous if sample.path in seen]
    blank = np.zeros((8, 8, 3), np.uint8)
    draws, beside = [], {}
    for draw in one.draws:
        normal = [path for path in draw.normal if path in seen]
        tested = [*normal, *anomalous]
        row: dict[str, Any] = {
            "inputs": [path.name for path in tested],
            "labels": [0] * len(normal) + [1] * len(anomalous),
        }
        for count in COUNTS:
            known = [path for path in draw.references if path in seen][:count]
            references = PhotographReferences([blank] * len(known), [seen[path] for path in known], looker.settings)
            beside = {path: references.compare(seen[path]) for path in tested}
            row[f"ours_{count}"] = [round(beside[path].logit, 6) for path in tested]
        draws.append(row)
    sound = [path for path in one.normal if path in seen]
    whole = [*sound, *anomalous]
    cohort = PhotographCohort([seen[path].coarse() for path in whole], looker.settings)
    together = [cohort.finding(number) for number in range(len(whole))]
    return {
        "labels": [0] * len(sound) + [1] * len(anomalous),
        "alone": [round(alone[path].logit, 6) for path in whole],
        "raw": [round(seen[path].judged.raw(looker.settings.photographs), 6) for path in whole],
        "draws": draws,
        "cohort": [round(finding.logit, 6) for finding in together],
        "pixel": {
            "alone": pixel_auroc(one, alone),
            "beside": pixel_auroc(one, beside),
            "cohort": pixel_auroc(one, dict(zip(whole, together, strict=True))),
        },
    }


def readable(paths: Sequence[Path]) -> Iterator[tuple[Path, ByteArray]]:
    """Yield the pictures that can be inspected; a few have one value everywhere."""
    for path in paths:
        try:
            picture = read_image(path)
        except InputError:
            continue
        yield path, picture


def pixel_auroc(one: TestedSet, findings: dict[Path, Finding]) -> float | None:
    """Return the AUROC over the pixels of all anomalous images with a mask, on a coarser grid."""
    values, labels = [], []
    for sample in one.anomalous:
        if sample.mask is None or sample.path not in findings:
            continue
        mask = load_mask(sample, read_image(sample.path).shape[:2])
        if mask is None or not mask.any():
            continue
        heat = torch.from_numpy(logit(findings[sample.path].heat.maps.astype(np.float64)))
        shown = F.interpolate(heat[None].clamp(-30, 30), (PIXELS, PIXELS), mode="bilinear")
        truth = F.interpolate(torch.from_numpy(mask).float()[None, None], (PIXELS, PIXELS), mode="area") >= 0.5
        values.append(shown.flatten()[::STEP])
        labels.append(truth.flatten()[::STEP])
    known = bool(labels) and bool(torch.cat(labels).any())
    return round(float(roc_auc_score(torch.cat(labels), torch.cat(values))), 4) if known else None


def figures(found: dict[str, Any]) -> dict[str, float]:
    """Return AUROCs, false alarms and the share found, by setting; the mean over draws."""
    row = {f"pixel_{name}": value for name, value in found["pixel"].items() if value is not None}
    for name in SETTINGS:
        parts = scored(found, name)
        row[name] = auroc(parts)
        row[f"{name}_alarms"], row[f"{name}_found"] = rates(parts)
    return row


def experts(given: Sequence[str]) -> dict[str, Path]:
    """Return the expert's file of each fold, given ``a,c=FILE``."""
    return {fold: Path(path) for one in given for names, path in [one.split("=", 1)] for fold in names.split(",")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--expert", action="append", required=True, metavar="FOLDS=FILE")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    kept: dict[str, Any] = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for fold, path in experts(arguments.expert).items():
        looker = Looker(load_expert(path, resolve_device("cpu")))
        seen = set(looker.context.config.photographs_trained_on) & set(names_left_out(fold))
        if seen:
            raise SystemExit(f"{path} has seen {', '.join(sorted(seen))} of fold {fold}")
        for name in (one for one in names_tested([fold]) if one not in kept):
            kept[name] = measure(draw_set(arguments.data, name), looker)
            shown = {key: round(value, 3) for key, value in figures(kept[name]).items()}
            print(name, shown, flush=True)
            write_json(kept, arguments.out)
    rows = [figures(found) for found in kept.values()]
    keys = sorted({key for row in rows for key in row})
    print("mean", {key: round(float(np.mean([row[key] for row in rows if key in row])), 3) for key in keys})


if __name__ == "__main__":
    main()
