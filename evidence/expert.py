"""The expert: an encoder, the sources of evidence, and one calibrated score for a study."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from looktwice.core.atomic import atomic_path
from looktwice.core.calibration import Calibration
from looktwice.core.study import Modality, Study
from looktwice.core.tokens import SelectedTokens, Tokens
from looktwice.encoders import anyres
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.ltfm.network import FirstLook, LookTwice
from looktwice.evidence.self_reference.maps import MAPS, FeatureLevel, self_reference_maps
from looktwice.evidence.self_reference.probes import Fusion

Watch = Callable[[int, Tokens], None]
"""Is shown which look it is and the tokens of a batch of photographs."""

BATCH = 16
# On a CPU a small batch stays in the caches: a quarter faster.
CPU_BATCH = 4
# Photographs at twice the side are four times as large.
DETAIL_BATCH = 4
# A study is as suspicious as the mean of this share of its views, the worst ones.
WORST_SHARE = 0.03


@dataclass(frozen=True)
class EncoderPass:
    """A further look at a photograph, by an encoder besides the expert's own or by the latter at twice the side.

    Attributes
    ----------
    encoder : str
        A name of ``encoders.registry``; empty for the expert's own encoder at twice the side.
    options : dict
        Of the encoder.
    feature_levels : tuple of FeatureLevel
        What the self-reference maps of this look are made of.
    """

    encoder: str
    options: dict[str, Any]
    feature_levels: tuple[FeatureLevel, ...]

    def open(self, own: VisionEncoder) -> VisionEncoder:
        """Return the encoder that looks; `own` is the expert's."""
        return create_encoder(self.encoder, **self.options) if self.encoder else own.detailed()


@dataclass(frozen=True)
class ExpertConfig:
    """What an expert's file says besides its tensors.

    Attributes
    ----------
    encoder : str
    encoder_options : dict
    embed_dim : int
    feature_levels : tuple of FeatureLevel
        What the self-reference maps of every view are made of.
    passes : tuple of EncoderPass
        What those of a photograph are made of besides; may be empty.
    heterogeneous : tuple of int
        Which of a photograph's feature levels, `feature_levels` first, say how unlike each other its
        tokens are; see ``self_reference.probes``.
    max_tiles : int
        AnyRes tiles of a photograph that Look-Twice sees besides the whole; 1 for none.
    calibration : dict of str to Calibration
        By modality, and for a cloud's ``geometry``: what calibration against normal material asks for.
    trained_on : tuple of str
        Names of the sets seen in training.
    threshold : float
    revision : str
    """

    encoder: str
    encoder_options: dict[str, Any]
    embed_dim: int
    feature_levels: tuple[FeatureLevel, ...]
    passes: tuple[EncoderPass, ...] = ()
    heterogeneous: tuple[int, ...] = ()
    max_tiles: int = 1
    calibration: dict[str, Calibration] = field(default_factory=dict)
    trained_on: tuple[str, ...] = ()
    threshold: float = 0.5
    revision: str = "unreleased"


@dataclass(frozen=True)
class Sighting:
    """What the expert sees in one study.

    Attributes
    ----------
    maps : float32, shape (V, h, w)
        Calibrated and fused, in [0, 1]; one for each view of the study.
    view_scores : float32, shape (V,)
        Calibrated score of each view.
    score : float
    sources : dict of str to float
        Each source's own score in [0, 1].
    evidence : SelectedTokens
        LTFM's, over all pictures that were encoded.
    seconds : dict of str to float
        ``load`` (making the views), ``encode`` and ``match``.
    """

    maps: npt.NDArray[np.float32]
    view_scores: npt.NDArray[np.float32]
    score: float
    sources: dict[str, float]
    evidence: SelectedTokens
    seconds: dict[str, float]


class Expert(nn.Module):
    """A frozen encoder, Look-Twice Feature Matching, and the study as its own reference.

    LTFM selects the tokens and weighs the views. The map and the score are those of self-reference: on sets left out
    of training, LTFM over an ImageNet encoder ranks worse than it, and mixing the two lowers the ranking; LTFM's own
    score stands beside it in ``Sighting.sources``.
    """

    def __init__(self, encoder: VisionEncoder, look_twice: LookTwice, config: ExpertConfig) -> None:
        super().__init__()
        self.encoder, self.look_twice, self.config = encoder, look_twice, config
        self.fusion = Fusion(len(config.feature_levels) * len(MAPS))
        fields = len(config.feature_levels) + sum(len(look.feature_levels) for look in config.passes)
        self.photo_fusion = Fusion(fields * len(MAPS), [field * len(MAPS) for field in config.heterogeneous])
        self.files: dict[str, str] = {}
        self.eval()

    @cached_property
    def pass_encoders(self) -> list[VisionEncoder]:
        """Encoders of the further looks at photographs: loaded with the first one, onto the expert's device."""
        device = next(self.encoder.parameters()).device
        return [look.open(self.encoder).to(device) for look in self.config.passes]

    @torch.inference_mode()
    def see(self, study: Study) -> Sighting:
        """EncoderPass at every view of a study, in batches, and bring what is found together.

        Memory does not grow with the number of views but for their maps and selected tokens (some 6 kB a view).
        """
        if study.modality is Modality.IMAGE:
            return self.see_photographs([study.views()[0].image])[0]
        clock = {"load": 0.0, "encode": 0.0, "match": 0.0}
        views = study.views()
        order = [study.base, *(index for index in range(len(views)) if index != study.base)]
        on_cpu = next(self.encoder.parameters()).device.type == "cpu"
        size = CPU_BATCH if on_cpu else BATCH
        batches = _timed_batches((views[index].image for index in order), clock, size)
        looks: list[FirstLook] = []
        fused: list[tuple[Tensor, Tensor]] = []
        context: Tensor | None = None
        for batch in batches:
            tokens = self._encode(batch, clock)
            started = time.perf_counter()
            if context is None:
                context = self.look_twice.context(tokens.final[:1])
            looks.append(self.look_twice.look(tokens.final, tokens.levels, context))
            fused.append(
                self._calibrate(self.fusion(self_reference_maps(tokens, self.config.feature_levels)), study.modality)
            )
            clock["match"] += time.perf_counter() - started
        started = time.perf_counter()
        # Back from the order of looking, base first, to the order of the views.
        back = torch.tensor(order).argsort()
        look = FirstLook.concatenate(looks)
        evidence = self.look_twice.gather(
            FirstLook(look.maps[back], look.significance[back], look.local_tokens[back], look.cells[back]), [len(order)]
        )
        maps, logits = (torch.cat(parts)[back].cpu() for parts in zip(*fused, strict=True))
        clock["match"] += time.perf_counter() - started
        return _sighting(maps, logits, worst_views(logits), evidence, clock)

    @torch.inference_mode()
    def see_photographs(self, images: Sequence[npt.NDArray[np.uint8]], watch: Watch | None = None) -> list[Sighting]:
        """EncoderPass at photographs, each on its own, encoding their AnyRes crops together.

        Parameters
        ----------
        images : sequence of uint8, shape (H, W, 3)
        watch : callable, optional
            Is shown the number of each further look (0 where there is none) and its tokens, batch by batch, in order.
        """
        clock = {"load": 0.0, "encode": 0.0, "match": 0.0}
        tilings = [anyres.tile(image, self.encoder.input_size, self.config.max_tiles) for image in images]
        counts = [len(tiling.crops) for tiling in tilings]
        crops = [crop for tiling in tilings for crop in tiling.crops]
        tokens = self._encode(crops, clock)
        started = time.perf_counter()
        evidence = self.look_twice(tokens.final, tokens.levels, counts)
        clock["match"] += time.perf_counter() - started
        maps = self.photograph_maps(tokens.rows(_firsts(counts)), images, clock, watch)
        started = time.perf_counter()
        fused, logits = (part.cpu() for part in self._calibrate(self.photo_fusion(maps), Modality.IMAGE))
        clock["match"] += time.perf_counter() - started
        shared = {name: seconds / len(images) for name, seconds in clock.items()}
        return [
            _sighting(fused[index : index + 1], logits[index : index + 1], logits[index], own, dict(shared))
            for index, own in enumerate(evidence.split(counts))
        ]

    def photograph_maps(
        self,
        tokens: Tokens,
        images: Sequence[npt.NDArray[np.uint8]],
        clock: dict[str, float],
        watch: Watch | None = None,
    ) -> Tensor:
        """Return the self-reference maps (B, K, h, w) of whole photographs, of all looks, on the finest grid.

        Parameters
        ----------
        tokens : Tokens
            Of the photographs at the encoder's own side.
        images : sequence of uint8, shape (H, W, 3)
        clock : dict
            Seconds are added to its ``encode`` and ``match``.
        watch : callable, optional
            See `see_photographs`.
        """
        started = time.perf_counter()
        maps = [self_reference_maps(tokens, self.config.feature_levels)]
        clock["match"] += time.perf_counter() - started
        if watch is not None and not self.config.passes:
            watch(0, tokens)
        for number, (look, looker) in enumerate(zip(self.config.passes, self.pass_encoders, strict=True)):
            parts = []
            for start in range(0, len(images), DETAIL_BATCH):
                started = time.perf_counter()
                fine = looker.encode(images[start : start + DETAIL_BATCH])
                encoded = time.perf_counter()
                parts.append(self_reference_maps(fine, look.feature_levels))
                if watch is not None:
                    watch(number, fine)
                clock["encode"] += encoded - started
                clock["match"] += time.perf_counter() - encoded
            maps.append(torch.cat(parts))
        finest = max((one.shape[2:] for one in maps), key=math.prod)
        same = [F.interpolate(one, finest, mode="bilinear", align_corners=False) for one in maps]
        return torch.cat(same, dim=1)

    def _encode(self, pictures: Sequence[npt.NDArray[np.uint8]], clock: dict[str, float]) -> Tokens:
        started = time.perf_counter()
        tokens = self.encoder.encode(pictures)
        clock["encode"] += time.perf_counter() - started
        return tokens

    def _calibrate(self, fused: tuple[Tensor, Tensor], modality: Modality) -> tuple[Tensor, Tensor]:
        """Return calibrated maps (V, h, w), as probabilities, and logits (V,) of views."""
        maps, logits = fused
        calibration = self.config.calibration.get(modality.value, Calibration())
        return calibration.of_maps(maps).sigmoid(), calibration.of_scores(logits)

    def save(self, path: Path) -> None:
        """Write LookTwice and the fusions with their configuration as one safetensors file, by a temporary name."""
        from safetensors.torch import save_file

        tensors = {f"look_twice.{k}": v.half().contiguous() for k, v in self.look_twice.state_dict().items()}
        for name, part in (("fusion", self.fusion), ("photo_fusion", self.photo_fusion)):
            tensors |= {f"{name}.{k}": v.contiguous() for k, v in part.state_dict().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"looktwice": json.dumps(asdict(self.config))})


def worst_views(logits: Tensor) -> Tensor:
    """Mean logit of the most suspicious views of a study, so that a finding in few of many views decides it."""
    count = max(1, round(WORST_SHARE * len(logits)))
    return logits.topk(count).values.mean()


def build_expert(encoder: VisionEncoder, config: ExpertConfig) -> Expert:
    """Return an expert of the right sizes with untrained weights: to be trained or loaded, never to be used as is."""
    look_twice = LookTwice(
        encoder.token_dim, encoder.level_dims, encoder.num_tokens, encoder.grid, embed_dim=config.embed_dim
    )
    return Expert(encoder, look_twice, config)


def _firsts(counts: Sequence[int]) -> list[int]:
    """Position of each photograph's whole among all crops."""
    return [sum(counts[:index]) for index in range(len(counts))]


def _sighting(
    maps: Tensor, view_logits: Tensor, study_logit: Tensor, evidence: SelectedTokens, seconds: dict[str, float]
) -> Sighting:
    score = float(study_logit.sigmoid())
    return Sighting(
        maps=maps.float().numpy(),
        view_scores=view_logits.sigmoid().float().numpy(),
        score=score,
        sources={"ltfm": float(evidence.score[0]), "self_reference": score},
        evidence=evidence,
        seconds=seconds,
    )


def _timed_batches(
    pictures: Iterable[npt.NDArray[np.uint8]], clock: dict[str, float], size: int
) -> Iterator[list[npt.NDArray[np.uint8]]]:
    """Gather pictures into batches; the time it takes to make them counts as loading."""
    source = iter(pictures)
    while True:
        started = time.perf_counter()
        batch = [picture for _, picture in zip(range(size), source)]  # noqa: B905
        clock["load"] += time.perf_counter() - started
        if not batch:
            return
        yield batch
