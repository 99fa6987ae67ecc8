"""Stage 1: train Look-Twice on frozen tokens, then fit the fusion head on examples that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from looktwice.encoders.expert import Expert
from looktwice.encoders.fusion import Fusion
from looktwice.encoders.self_reference import MAPS, STATISTICS, self_reference_maps, summarise
from looktwice.training.losses import ANOMALOUS_SHARE, image_loss, map_loss, ranking_loss
from looktwice.training.tokens import TokenSet

# On each level's mean distance to the nearest tokens, which ranks unseen material without any training.
PRIOR_WEIGHT = 0.4


@dataclass(frozen=True)
class Recipe:
    """How stage 1 is trained.

    Attributes
    ----------
    steps : int
    batch : int
        Examples a step, drawn evenly over sources.
    rate : float
        Peak learning rate of AdamW; cosine annealing with warm restarts, as the paper has it.
    restarts : int
        Length of the first cosine cycle in steps; each further one is twice as long.
    map_weight : float
        Weight of the mask loss beside the image loss.
    seed : int
    """

    steps: int = 600
    batch: int = 24
    rate: float = 2e-3
    restarts: int = 200
    map_weight: float = 1.0
    seed: int = 0


Report = Callable[[int, dict[str, float]], None]


def train_look_twice(
    expert: Expert,
    tokens: TokenSet,
    recipe: Recipe,
    checkpoint: Path | None = None,
    report: Report = lambda step, values: None,
) -> None:
    """Train ``expert.look_twice`` in place on cached tokens, one view a study.

    Parameters
    ----------
    expert : Expert
    tokens : TokenSet
    recipe : Recipe
    checkpoint : Path, optional
        Written every 100 steps and taken up where it exists, so that a stopped training goes on.
    report : callable
        Called with the step and the losses.
    """
    accelerator = Accelerator()
    torch.manual_seed(recipe.seed)
    model = expert.look_twice.train()
    optimiser = torch.optim.AdamW(model.parameters(), recipe.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, recipe.restarts, T_mult=2)
    model, optimiser, schedule = accelerator.prepare(model, optimiser, schedule)
    start = _resume(checkpoint, model, optimiser, schedule)
    groups = _groups(tokens)
    for step in range(start, recipe.steps):
        rows = _draw(groups, recipe.batch, step, recipe.seed)
        batch = tokens.tokens(rows)
        device = accelerator.device
        evidence = model(batch.final.to(device), [level.to(device) for level in batch.levels], [1] * len(rows))
        image = image_loss(evidence.score, tokens.labels[rows].to(device))
        maps = map_loss(evidence.maps, tokens.masks[rows].to(device))
        optimiser.zero_grad()
        accelerator.backward(image + recipe.map_weight * maps)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        report(step, {"image": float(image.detach()), "map": float(maps.detach())})
        if checkpoint is not None and (step + 1) % 100 == 0 and accelerator.is_main_process:
            _save(checkpoint, step + 1, accelerator.unwrap_model(model), optimiser, schedule)
    expert.look_twice = accelerator.unwrap_model(model).eval().cpu()


def fit_fusion(expert: Expert, tokens: TokenSet, decay: float = 1.0, map_decay: float = 0.1) -> tuple[Tensor, Tensor]:
    """Fit ``expert.fusion`` in place on examples that Look-Twice was not trained on.

    The view head is learnt to rank anomalous above normal within each source, which is what carries over to new
    material, and to be calibrated over all of them; the map head from masks. Every source weighs the same.

    Parameters
    ----------
    expert : Expert
    tokens : TokenSet
    decay, map_decay : float
        For the view head and the map head: weight of the squared distance of the weights from the prior
        (``PRIOR_WEIGHT`` on the mean distance to the nearest tokens, else none), on standardised features.

    Returns
    -------
    maps : Tensor, shape (E, h, w)
        The fused map logits of the examples.
    views : Tensor, shape (E,)
        Their fused logits.
    """
    maps = _self_reference(expert, tokens)
    fusion = expert.fusion
    _standardise(fusion, maps)
    statistics = summarise(maps)
    map_prior, view_prior = _priors(fusion.channels)
    fusion.view_head.linear.weight.data.copy_(view_prior)
    fusion.map_head.linear.weight.data.copy_(map_prior)
    groups = [rows for rows in _groups(tokens) if 0 < tokens.labels[rows].sum() < len(rows)]

    def view_loss() -> Tensor:
        logits = fusion.view_head(statistics)
        parts = []
        for rows in groups:
            labels = tokens.labels[rows]
            parts.append(ranking_loss(logits[rows], labels) + image_loss(logits[rows].sigmoid(), labels))
        return torch.stack(parts).mean() + decay * (fusion.view_head.linear.weight - view_prior).square().sum()

    _minimise(list(fusion.view_head.parameters()), view_loss)

    anomalous = tokens.masks >= ANOMALOUS_SHARE
    used = anomalous | (tokens.masks == 0)
    pixels, labels = maps.movedim(1, -1)[used], anomalous[used]

    def pixel_loss() -> Tensor:
        logits = fusion.map_head(pixels)
        pushed = torch.nn.functional.softplus(torch.where(labels, -logits, logits))
        balanced = (pushed[labels].mean() + pushed[~labels].mean()) / 2
        return balanced + map_decay * (fusion.map_head.linear.weight - map_prior).square().sum()

    _minimise(list(fusion.map_head.parameters()), pixel_loss)
    with torch.no_grad():
        fused: tuple[Tensor, Tensor] = fusion(maps)
    return fused


@torch.inference_mode()
def _self_reference(expert: Expert, tokens: TokenSet) -> Tensor:
    parts = []
    for start in range(0, len(tokens), 64):
        parts.append(self_reference_maps(tokens.tokens(slice(start, start + 64)), expert.config.self_levels))
    return torch.cat(parts).clone()


def _priors(channels: int) -> tuple[Tensor, Tensor]:
    """Weights of the map head and of the view head before anything is learnt."""
    nearest = torch.tensor([MAPS[channel % len(MAPS)] == "nearest" for channel in range(channels)]).float()
    mean = torch.tensor([name == "mean" for name in STATISTICS]).float()
    return PRIOR_WEIGHT * nearest[None], PRIOR_WEIGHT * torch.outer(nearest, mean).flatten()[None]


def _standardise(fusion: Fusion, maps: Tensor) -> None:
    for head, features in ((fusion.map_head, maps.movedim(1, -1).flatten(0, 2)), (fusion.view_head, summarise(maps))):
        head.mean.copy_(features.mean(dim=0))
        head.scale.copy_(features.std(dim=0).clamp_min(1e-6))


def _minimise(parameters: list[Tensor], loss: Callable[[], Tensor]) -> None:
    optimiser = torch.optim.LBFGS(parameters, max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(closure)


def _groups(tokens: TokenSet) -> list[Tensor]:
    return [tokens.members(source) for source in sorted(set(tokens.sources))]


def _draw(groups: list[Tensor], count: int, step: int, seed: int) -> Tensor:
    """Draw rows evenly over sources, the same for the same step: a resumed training sees what it would have seen."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    picks = torch.randint(len(groups), (count,), generator=generator)
    rows = [groups[pick][torch.randint(len(groups[pick]), (1,), generator=generator)] for pick in picks]
    return torch.cat(rows)


def _save(path: Path, step: int, model: torch.nn.Module, *others: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    state = {"step": step, "model": model.state_dict(), "others": [other.state_dict() for other in others]}  # type: ignore[attr-defined]
    torch.save(state, scratch)
    scratch.replace(path)


def _resume(path: Path | None, model: torch.nn.Module, *others: object) -> int:
    if path is None or not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for other, saved in zip(others, state["others"], strict=True):
        other.load_state_dict(saved)  # type: ignore[attr-defined]
    return int(state["step"])
