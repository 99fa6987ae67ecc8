"""One command from folders of pictures to an expert's file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from looktwice.device import resolve_device
from looktwice.encoders.calibration import Calibration
from looktwice.encoders.expert import Expert, ExpertConfig, build_expert
from looktwice.encoders.registry import create_encoder
from looktwice.modalities.pointclouds.study import CloudStudy
from looktwice.modalities.study import Modality
from looktwice.modalities.volumes.study import VolumeStudy
from looktwice.sources.geometry import calibrate_geometry, read_geometry
from looktwice.sources.mirror import calibrate_mirror, measure_mirror
from looktwice.training.calibration import calibrate_maps, calibrate_scores, calibrate_studies
from looktwice.training.corpus import Example, Source, draw_examples, gather_sources
from looktwice.training.stage1 import Recipe, fit_fusion, train_look_twice
from looktwice.training.tokens import TokenSet, encode_examples

# Share of the examples that the fusion head is fitted on, and that Look-Twice does not see.
HELD_BACK = 0.35


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
    self_levels : tuple of int
    max_tiles : int
    examples : int
        Drawn from each source.
    steps : int
    seed : int
    """

    data: tuple[Path, ...]
    normals: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()
    encoder: str = "efficientnet_lite0"
    encoder_options: tuple[tuple[str, Any], ...] = ()
    embed_dim: int = 256
    self_levels: tuple[int, ...] = (1, 2, 3)
    max_tiles: int = 1
    examples: int = 260
    steps: int = 600
    seed: int = 0


Track = Callable[..., Iterable[Any]]


def train_expert(plan: Plan, out: Path, device: str = "auto", track: Track = lambda items, *_, **__: items) -> Path:
    """Train an expert and write ``expert.safetensors`` and ``training.json`` into `out`.

    Look-Twice is trained on one part of the examples and the fusion head on the other, so that a source that
    memorises is not believed. TensorBoard logs and a checkpoint lie beside; a stopped training goes on.

    Returns
    -------
    Path
        The expert's file.
    """
    from torch.utils.tensorboard import SummaryWriter

    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    sources = gather_sources(plan.data, plan.normals, plan.left_out)
    encoder = create_encoder(plan.encoder, **dict(plan.encoder_options)).to(resolve_device(device))
    config = ExpertConfig(
        encoder=plan.encoder,
        encoder_options={"input_size": encoder.input_size, **dict(plan.encoder_options)},
        embed_dim=plan.embed_dim,
        self_levels=plan.self_levels,
        max_tiles=plan.max_tiles,
    )
    expert = build_expert(encoder, config)
    held = round(plan.examples * HELD_BACK)
    seen = _encode(expert, sources, plan.examples - held, rng, track, "encoding examples")
    unseen = _encode(expert, sources, held, rng, track, "encoding held-back examples")
    with SummaryWriter(str(out / "logs")) as writer:
        recipe = Recipe(steps=plan.steps, seed=plan.seed)
        train_look_twice(expert, seen, recipe, out / "checkpoint.pt", _logger(writer))
    map_logits, view_logits = fit_fusion(expert, unseen)
    calibration = {Modality.IMAGE.value: _image_calibration(map_logits, view_logits, unseen)}
    for modality in (Modality.VOLUME, Modality.POINTCLOUD):
        normal = [study for source in sources if source.modality is modality for study in source.studies]
        if normal:
            calibration[modality.value] = calibrate_studies(expert, normal, modality)
    seen_sets = tuple(source.name for source in sources)
    heads = [study for source in sources for study in source.studies if isinstance(study, VolumeStudy)]
    heads = [study for study in heads if study.anatomy.part == "head"]
    if heads:
        calibration["mirror"] = calibrate_mirror([measure_mirror(head, encoder.grid) for head in heads])
    clouds = [study for source in sources for study in source.studies if isinstance(study, CloudStudy)]
    if clouds:
        calibration["geometry"] = calibrate_geometry([read_geometry(cloud) for cloud in clouds])
    expert.config = replace(config, revision=f"seed{plan.seed}", calibration=calibration, trained_on=seen_sets)
    path = out / "expert.safetensors"
    expert.save(path)
    record = {**asdict(plan), "sources": [source.name for source in sources], "examples_seen": len(seen)}
    (out / "training.json").write_text(json.dumps(record, indent=2, default=str) + "\n")
    return path


def _image_calibration(map_logits: torch.Tensor, view_logits: torch.Tensor, unseen: TokenSet) -> Calibration:
    """Calibrate a photograph's map by normal pictures, and its score by both, on examples LTFM has not seen."""
    map_shift, map_scale = calibrate_maps(map_logits[unseen.labels == 0].numpy())
    score_shift, score_scale = calibrate_scores(view_logits.numpy(), unseen.labels.numpy())
    return Calibration(score_shift, score_scale, map_shift, map_scale)


def _encode(
    expert: Expert, sources: list[Source], count: int, rng: np.random.Generator, track: Track, description: str
) -> TokenSet:
    def examples() -> Iterator[Example]:
        for source in track(sources, description, total=len(sources)):
            yield from draw_examples(source, count, rng, sources)

    return encode_examples(expert.encoder, examples())


def _logger(writer: Any) -> Callable[[int, dict[str, float]], None]:
    def log(step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(f"loss/{name}", value, step)

    return log
