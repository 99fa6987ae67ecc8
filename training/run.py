"""Training the parts of an expert that see slices and renderings: from folders of images to the expert's file."""

# kinds: calibrates by normal inputs of every kind that ships

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from looktwice.core.atomic import write_json
from looktwice.core.calibration import Calibration
from looktwice.core.device import resolve_device
from looktwice.core.shipped_pictures import shipped_pictures
from looktwice.core.study import Modality
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.base import Context
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.expert import Expert, build_expert
from looktwice.evidence.expert_file import load_look_twice
from looktwice.evidence.self_reference_maps import FeatureLevel, self_reference_maps
from looktwice.evidence.sources import find_sources
from looktwice.training.calibration import calibrate_studies
from looktwice.training.corpus import Source, draw_examples, gather_sources
from looktwice.training.fusion import fit_fusion
from looktwice.training.stage1 import Recipe, train_look_twice
from looktwice.training.tokens import TokenSet, encode_examples
from looktwice.training.tracking import Track, loss_log, untracked


@dataclass(frozen=True)
class Plan:
    """What to train on, and how much.

    Attributes
    ----------
    data, normals : tuple of Path
        See ``corpus.gather_sources``.
    left_out : tuple of str
        Categories not to be seen.
    encoder : str
    encoder_options : dict
    embed_dim : int
    feature_levels : tuple
        See ``evidence.expert.ExpertConfig``.
    max_tiles : int
    examples : int
        Drawn from each source.
    steps : int
    seed : int
    cache : Path, optional
        Folder for encoded examples that several trainings share.
    look_twice : Path, optional
        An expert whose Look-Twice is taken as it is, so that only the heads are fitted and everything is calibrated.

    Examples
    --------
    >>> Plan(data=(Path("mvtec"),), left_out=("bottle",)).encoder
    'efficientnet_lite0'
    """

    data: tuple[Path, ...]
    normals: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()
    encoder: str = "efficientnet_lite0"
    encoder_options: tuple[tuple[str, Any], ...] = ()
    embed_dim: int = 256
    feature_levels: tuple[FeatureLevel, ...] = (FeatureLevel(1, 3), FeatureLevel(2, 3), FeatureLevel(3, 3))
    max_tiles: int = 1
    examples: int = 260
    steps: int = 600
    seed: int = 0
    cache: Path | None = None
    look_twice: Path | None = None


def train_expert(plan: Plan, out: Path, device: str = "auto", track: Track = untracked) -> Path:
    """Train an expert and write ``expert.safetensors`` and ``training.json`` into `out`.

    The examples of each source are encoded once and kept in ``out/encoded`` (or `plan.cache`, which several trainings
    may share: what is kept of one source depends on no other). TensorBoard logs and a checkpoint lie beside; a stopped
    training goes on.

    Returns
    -------
    Path
        The expert's file.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    sources = gather_sources(plan.data, plan.normals, plan.left_out)
    encoder = create_encoder(plan.encoder, **dict(plan.encoder_options)).to(resolve_device(device))
    config = ExpertConfig(
        encoder=plan.encoder,
        encoder_options={"input_size": encoder.input_size, **dict(plan.encoder_options)},
        embed_dim=plan.embed_dim,
        feature_levels=plan.feature_levels,
        max_tiles=plan.max_tiles,
    )
    expert = build_expert(encoder, config)
    cache = plan.cache or out / "encoded"
    tokens = TokenSet.join(
        [
            _encode(expert, source, plan, cache / f"{_fingerprint(source, plan)}.pt")
            for source in track(sources, "encoding examples", total=len(sources))
        ]
    )
    if plan.look_twice is None:
        with loss_log(out / "logs") as log:
            recipe = Recipe(steps=plan.steps, seed=plan.seed)
            train_look_twice(expert, tokens, recipe, out / "checkpoint.pt", log)
    else:
        expert.look_twice.load_state_dict(load_look_twice(plan.look_twice))
    _fit_views(expert, tokens)
    calibration: dict[str, Calibration] = {}
    for modality in (Modality.VOLUME, Modality.POINTCLOUD):
        normal = [study for source in sources if source.modality is modality for study in source.studies]
        if normal:
            calibration[modality.value] = calibrate_studies(expert, normal, modality)
    seen_sets = tuple(source.name for source in sources)
    studies = [study for source in sources for study in source.studies]
    for source in find_sources():
        calibrate = getattr(source, "calibrate", None)
        found = None if calibrate is None else calibrate(studies, Context(expert))
        if found is not None:
            calibration[source.NAME] = found
    expert.config = replace(config, revision=f"seed{plan.seed}", calibration=calibration, trained_on=seen_sets)
    path = out / "expert.safetensors"
    expert.save(path)
    record = {**asdict(plan), "sources": [source.name for source in sources], "examples_seen": len(tokens)}
    write_json(record, out / "training.json", default=str)
    return path


def _encode(expert: Expert, source: Source, plan: Plan, path: Path) -> TokenSet:
    """Draw and encode the examples of one source, or take what is kept of them.

    Patches that are laid into pictures come from the source itself and from the pictures that packages ship.
    """
    if path.exists():
        return TokenSet.load(path)
    rng = np.random.default_rng([plan.seed, zlib.crc32(source.name.encode())])
    donors = [source, Source("shipped", pictures=shipped_pictures())]
    encoded = encode_examples(expert, draw_examples(source, plan.examples, rng, donors))
    encoded.save(path)
    return encoded


def _fingerprint(source: Source, plan: Plan) -> str:
    """Say in a file's name what the encoded examples of a source depend on."""
    parts = (
        source.name, [str(path) for path in source.normals], [str(one.path) for one in source.anomalies],
        [str(study.source) for study in source.studies], plan.encoder, plan.encoder_options, plan.feature_levels,
        plan.examples, plan.seed,
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def _fit_views(expert: Expert, tokens: TokenSet) -> None:
    """Fit the heads that judge slices and renderings."""
    rows = tokens.painted()
    maps = torch.cat(
        [
            self_reference_maps(
                tokens.tokens(part), expert.config.feature_levels, expert.config.settings.self_reference
            )
            for part in rows.split(64)
        ]
    )
    sources = [tokens.sources[row] for row in rows.tolist()]
    fit_fusion(expert.fusion, maps, tokens.labels[rows], tokens.masks[rows], sources)
