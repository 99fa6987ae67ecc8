"""The expert: an encoder, the sources of evidence, and one calibrated score for a study."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from looktwice.encoders import anyres
from looktwice.encoders.base import Tokens, VisionEncoder
from looktwice.encoders.calibration import Calibration
from looktwice.encoders.fusion import Fusion
from looktwice.encoders.ltfm import Evidence, FirstLook, LookTwice
from looktwice.encoders.registry import create_encoder
from looktwice.encoders.self_reference import MAPS, self_reference_maps
from looktwice.encoders.weights import sha256
from looktwice.errors import WeightsError
from looktwice.modalities.study import Modality, Study

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
    self_levels: tuple[int, ...]
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
    """A frozen encoder, Look-Twice Feature Matching, and the study as its own reference.

    LTFM selects the tokens and weighs the views. The map and the score are those of self-reference: on sets left out
    of training, LTFM over an ImageNet encoder ranks worse than it, and mixing the two lowers the ranking; LTFM's own
    score stands beside it in ``Sighting.sources``.
    """

    def __init__(self, encoder: VisionEncoder, look_twice: LookTwice, fusion: Fusion, config: ExpertConfig) -> None:
        super().__init__()
        self.encoder, self.look_twice, self.fusion, self.config = encoder, look_twice, fusion, config
        self.files: dict[str, str] = {}
        self.eval()

    @torch.inference_mode()
    def see(self, study: Study) -> Sighting:
        """Look at every view of a study, in batches, and bring what is found together.

        Memory does not grow with the number of views but for their maps and selected tokens (some 6 kB a view).
        """
        if study.modality is Modality.IMAGE:
            return self.see_photographs([study.views()[0].image])[0]
        clock = {"load": 0.0, "encode": 0.0, "match": 0.0}
        views = study.views()
        order = [study.base, *(index for index in range(len(views)) if index != study.base)]
        batches = _timed_batches((views[index].image for index in order), clock)
        looks: list[FirstLook] = []
        fused: list[tuple[Tensor, Tensor]] = []
        context: Tensor | None = None
        for batch in batches:
            tokens = self._encode(batch, clock)
            started = time.perf_counter()
            if context is None:
                context = self.look_twice.context(tokens.final[:1])
            looks.append(self.look_twice.look(tokens.final, tokens.levels, context))
            fused.append(self._fuse(tokens, study.modality))
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
    def see_photographs(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Sighting]:
        """Look at photographs, each on its own, encoding their AnyRes crops together.

        Parameters
        ----------
        images : sequence of uint8, shape (H, W, 3)
        """
        clock = {"load": 0.0, "encode": 0.0, "match": 0.0}
        tilings = [anyres.tile(image, self.encoder.input_size, self.config.max_tiles) for image in images]
        counts = [len(tiling.crops) for tiling in tilings]
        crops = [crop for tiling in tilings for crop in tiling.crops]
        tokens = self._encode(crops, clock)
        started = time.perf_counter()
        evidence = self.look_twice(tokens.final, tokens.levels, counts)
        fused, logits = (part.cpu() for part in self._fuse(tokens, Modality.IMAGE))
        sightings = []
        parts = zip(
            tilings, torch.split(fused, counts), torch.split(logits, counts), evidence.split(counts), strict=True
        )
        shared = {name: seconds / len(images) for name, seconds in clock.items()}
        for tiling, maps, crop_logits, own in parts:
            merged, worst = anyres.merge(maps, tiling)[None], crop_logits.max()
            sightings.append(_sighting(merged, worst[None], worst, own, dict(shared)))
        for sighting in sightings:
            sighting.seconds["match"] = (time.perf_counter() - started) / len(images)
        return sightings

    def _encode(self, pictures: Sequence[npt.NDArray[np.uint8]], clock: dict[str, float]) -> Tokens:
        started = time.perf_counter()
        tokens = self.encoder.encode(pictures)
        clock["encode"] += time.perf_counter() - started
        return tokens

    def _fuse(self, tokens: Tokens, modality: Modality) -> tuple[Tensor, Tensor]:
        """Return calibrated maps (V, h, w), as probabilities, and logits (V,) of views."""
        maps, logits = self.fusion(self_reference_maps(tokens, self.config.self_levels))
        calibration = self.config.calibration.get(modality.value, Calibration())
        return calibration.of_maps(maps).sigmoid(), calibration.of_scores(logits)

    def save(self, path: Path) -> None:
        """Write LookTwice and fusion with their configuration as one safetensors file, by a temporary name."""
        from safetensors.torch import save_file

        tensors = {f"look_twice.{k}": v.half().contiguous() for k, v in self.look_twice.state_dict().items()}
        tensors |= {f"fusion.{k}": v.contiguous() for k, v in self.fusion.state_dict().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f"{path.name}.tmp")
        save_file(tensors, scratch, metadata={"looktwice": json.dumps(asdict(self.config))})
        scratch.replace(path)


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
        settings["trained_on"] = tuple(settings["trained_on"])
        settings["calibration"] = {kind: Calibration(**values) for kind, values in settings["calibration"].items()}
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
    return Expert(encoder, look_twice, Fusion(len(config.self_levels) * len(MAPS)), config)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _sighting(
    maps: Tensor, view_logits: Tensor, study_logit: Tensor, evidence: Evidence, seconds: dict[str, float]
) -> Sighting:
    score = float(study_logit.sigmoid())
    return Sighting(
        maps=maps.float().numpy(),
        view_scores=view_logits.sigmoid().float().numpy(),
        score=score,
        sources={"ltfm": float(evidence.score[0]), "self": score},
        evidence=evidence,
        seconds=seconds,
    )


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
