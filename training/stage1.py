"""Stage 1: training LTFM on frozen tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from looktwice.evidence.expert import Expert
from looktwice.training.losses import image_loss, map_loss
from looktwice.training.tensor_file import write_tensors
from looktwice.training.tokens import TokenSet


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

    Examples
    --------
    >>> Recipe(steps=100).restarts
    200
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
    groups, masks = _groups(tokens), tokens.masks
    for step in range(start, recipe.steps):
        rows = _draw(groups, recipe.batch, step, recipe.seed)
        batch = tokens.tokens(rows)
        device = accelerator.device
        evidence = model(batch.final.to(device), [level.to(device) for level in batch.levels], [1] * len(rows))
        image = image_loss(evidence.score, tokens.labels[rows].to(device))
        maps = map_loss(evidence.maps, masks[rows].to(device))
        optimiser.zero_grad()
        accelerator.backward(image + recipe.map_weight * maps)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        report(step, {"image": float(image.detach()), "map": float(maps.detach())})
        if checkpoint is not None and (step + 1) % 100 == 0 and accelerator.is_main_process:
            _save(checkpoint, step + 1, accelerator.unwrap_model(model), optimiser, schedule)
    expert.look_twice = accelerator.unwrap_model(model).eval().cpu()


def _groups(tokens: TokenSet) -> list[Tensor]:
    return [tokens.members(source) for source in sorted(set(tokens.sources))]


def _draw(groups: list[Tensor], count: int, step: int, seed: int) -> Tensor:
    """Draw rows evenly over sources, the same for the same step: a resumed training sees what it would have seen."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    picks = torch.randint(len(groups), (count,), generator=generator)
    rows = [groups[pick][torch.randint(len(groups[pick]), (1,), generator=generator)] for pick in picks]
    return torch.cat(rows)


def _save(path: Path, step: int, model: torch.nn.Module, *others: object) -> None:
    state = {"step": step, "model": model.state_dict(), "others": [other.state_dict() for other in others]}  # type: ignore[attr-defined]
    write_tensors(state, path)


def _resume(path: Path | None, model: torch.nn.Module, *others: object) -> int:
    if path is None or not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for other, saved in zip(others, state["others"], strict=True):
        other.load_state_dict(saved)  # type: ignore[attr-defined]
    return int(state["step"])
