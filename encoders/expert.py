"""The expert: an encoder, the sources of evidence, and one calibrated score for a study."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from looktwice.encoders import anyres
from looktwice.encoders.base import Tokens, VisionEncoder
from looktwice.encoders.fusion import Fusion, ltfm_logits
from looktwice.encoders.ltfm import Evidence, FirstLook, LookTwice
from looktwice.encoders.registry import create_encoder
from looktwice.encoders.self_reference import self_reference_maps
from looktwice.encoders.weights import sha256
from looktwice.errors import WeightsError
from looktwice.modalities.study import Modality, Study, View

BATCH = 16
# A study is as suspicious as the mean of this share of its views, the worst ones.
WORST_SHARE = 0.03


@dataclass(frozen=True)
class ExpertConfig:
    """What an expert's file says besides its tensors.

    Attributes
    ----------
    encoder : str
    encoder_options : dict
    embed_dim : int
    self_levels : tuple of int
        Encoder levels that the self-reference maps are made of.
    max_tiles : int
        AnyRes tiles a photograph may be cut into; 1 for none.
    offsets : dict
        Added to a study's logit, by modality: what calibration against normal material asks for.
    threshold : float
    revision : str
    """

    encoder: str
    encoder_options: dict[str, Any]
    embed_dim: int
    self_levels: tuple[int, ...]
    max_tiles: int = 1
    offsets: dict[str, float] = field(default_factory=dict)
    threshold: float = 0.5
    revision: str = "unreleased"


@dataclass(frozen=True)
class Sighting:
    """What the expert sees in one study.

    Attributes
    ----------
    maps : float32, shape (V, h, w)
        Calibrated and fused, in [0, 1]; one for each view of the study (AnyRes crops are merged).
    view_scores : float32, shape (V,)
        Calibrated score of each view.
    score : float
    sources : dict of str to float
        Each source's own score in [0, 1].
    evidence : Evidence
        LTFM's, over all pictures that were encoded.
    seconds : dict of str to float
        ``load`` (making the views), ``encode`` and ``match``.
    """

    maps: npt.NDArray[np.float32]
    view_scores: npt.NDArray[np.float32]
    score: float
    sources: dict[str, float]
    evidence: Evidence
    seconds: dict[str, float]


class Expert(nn.Module):
    """A frozen encoder, Look-Twice Feature Matching, self-reference, and their fusion."""

    def __init__(self, encoder: VisionEncoder, look_twice: LookTwice, fusion: Fusion, config: ExpertConfig) -> None:
        super().__init__()
        self.encoder, self.look_twice, self.fusion, self.config = encoder, look_twice, fusion, config
        self.files: dict[str, str] = {}
        self.eval()

    @torch.inference_mode()
    def see(self, study: Study) -> Sighting:
        """Look at every view of a study, in batches, and bring what is found together.

        Memory does not grow with the number of views but for their maps and selected tokens (some 20 kB a view).
        """
        clock = {"load": 0.0, "encode": 0.0, "match": 0.0}
        tiling: anyres.Tiling | None = None
        started = time.perf_counter()
        views = study.views()
        if study.modality is Modality.IMAGE:
            tiling = anyres.tile(views[0].image, self.encoder.input_size, self.config.max_tiles)
            pictures: Iterable[npt.NDArray[np.uint8]] = tiling.crops
            order = list(range(len(tiling.crops)))
        else:
            order = [study.base, *(index for index in range(len(views)) if index != study.base)]
            pictures = (view.image for view in _in_order(views, order))
        clock["load"] += time.perf_counter() - started
        looks, maps, logits = self._look(pictures, clock)

        started = time.perf_counter()
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order)] = torch.arange(len(order))
        evidence = self.look_twice.gather(FirstLook.concatenate(looks), [len(order)])
        evidence = Evidence(
            evidence.maps[back],
            evidence.significance[back],
            evidence.local_tokens[back],
            evidence.global_token,
            evidence.score,
        )
        offset = self.config.offsets.get(study.modality.value, 0.0)
        view_logits = torch.cat(logits)[back].float().cpu() + offset
        fused = torch.cat(maps)[back].float().cpu()
        if tiling is not None:
            fused = anyres.merge(fused, tiling)[None]
            view_logits = view_logits.max()[None]
        score = float(worst_views(view_logits).sigmoid())
        sighting = Sighting(
            maps=fused.numpy(),
            view_scores=view_logits.sigmoid().numpy(),
            score=score,
            sources={"ltfm": float(evidence.score[0]), "fused": score},
            evidence=evidence,
            seconds=clock,
        )
        clock["match"] += time.perf_counter() - started
        return sighting

    def _look(
        self, pictures: Iterable[npt.NDArray[np.uint8]], clock: dict[str, float]
    ) -> tuple[list[FirstLook], list[Tensor], list[Tensor]]:
        """Encode and match pictures batch by batch; the first one is the study's base."""
        looks: list[FirstLook] = []
        maps: list[Tensor] = []
        logits: list[Tensor] = []
        context: Tensor | None = None
        for batch in _timed_batches(pictures, clock):
            started = time.perf_counter()
            tokens = self.encoder.encode(batch)
            encoded = time.perf_counter()
            if context is None:
                context = self.look_twice.context(tokens.final[:1])
            look = self.look_twice.look(tokens.final, tokens.levels, context)
            fused, logit = self.fusion(evidence_maps(look.maps, tokens, self.config.self_levels))
            looks.append(look)
            maps.append(fused)
            logits.append(logit)
            clock["encode"] += encoded - started
            clock["match"] += time.perf_counter() - encoded
        return looks, maps, logits

    def save(self, path: Path) -> None:
        """Write LookTwice and fusion with their configuration as one safetensors file, by a temporary name."""
        from safetensors.torch import save_file

        tensors = {f"look_twice.{k}": v.half().contiguous() for k, v in self.look_twice.state_dict().items()}
        tensors |= {f"fusion.{k}": v.contiguous() for k, v in self.fusion.state_dict().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f"{path.name}.tmp")
        save_file(tensors, scratch, metadata={"looktwice": json.dumps(vars(self.config))})
        scratch.replace(path)


def evidence_maps(ltfm_maps: Tensor, tokens: Tokens, self_levels: Sequence[int]) -> Tensor:
    """Stack LTFM's map and the self-reference maps, (V, K, h, w), as ``Fusion`` takes them."""
    return torch.cat([ltfm_logits(ltfm_maps)[:, None], self_reference_maps(tokens, self_levels)], dim=1)


def worst_views(logits: Tensor) -> Tensor:
    """Mean logit of the most suspicious views of a study, so that a finding in few of many views decides it."""
    count = max(1, round(WORST_SHARE * len(logits)))
    return logits.topk(count).values.mean()


def load_expert(path: Path, device: torch.device) -> Expert:
    """Load an expert from its safetensors file, with its encoder.

    Raises
    ------
    WeightsError
        Not an expert's file, or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})["looktwice"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        settings["self_levels"] = tuple(settings["self_levels"])
        config = ExpertConfig(**settings)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is not an expert written by looktwice ({type(error).__name__})") from error
    encoder = create_encoder(config.encoder, **config.encoder_options)
    expert = build_expert(encoder, config)
    try:
        expert.look_twice.load_state_dict(_part(tensors, "look_twice."))
        expert.fusion.load_state_dict(_part(tensors, "fusion."))
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit its own encoder {config.encoder}: retrain it") from error
    expert.files = {path.name: sha256(path)}
    return expert.to(device)


def build_expert(encoder: VisionEncoder, config: ExpertConfig) -> Expert:
    """Return an expert of the right sizes with untrained weights: to be trained or loaded, never to be used as is."""
    look_twice = LookTwice(
        encoder.token_dim, encoder.level_dims, encoder.num_tokens, encoder.grid, embed_dim=config.embed_dim
    )
    sample = self_reference_channels(len(config.self_levels))
    return Expert(encoder, look_twice, Fusion(1 + sample), config)


def self_reference_channels(levels: int) -> int:
    """How many maps ``self_reference_maps`` gives for so many levels."""
    from looktwice.encoders.self_reference import MAPS

    return levels * len(MAPS)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _in_order(views: Sequence[View], order: Sequence[int]) -> Iterator[View]:
    return (views[index] for index in order)


def _timed_batches(
    pictures: Iterable[npt.NDArray[np.uint8]], clock: dict[str, float]
) -> Iterator[list[npt.NDArray[np.uint8]]]:
    """Gather pictures into batches; the time it takes to make them counts as loading."""
    source = iter(pictures)
    while True:
        started = time.perf_counter()
        batch = [picture for _, picture in zip(range(BATCH), source)]  # noqa: B905
        clock["load"] += time.perf_counter() - started
        if not batch:
            return
        yield batch
