"""Training the adapted encoder: low-rank adapters inside DINOv2 and Look-Twice Feature Matching on its levels.

An image loss and a map loss, over pictures of many sources with real and painted anomalies; every source has the same
chance, and half of what is seen is normal. The weights that are kept are averages over the last steps, which waver less
from set to set than the last ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from looktwice.encoders.adapters import DOWN, UP, AdapterShape
from looktwice.encoders.dinov2 import DinoV2Small
from looktwice.evidence.networks.adapted_look_twice import AdaptedLookTwice
from looktwice.training.pool import Pool
from looktwice.training.tensor_file import write_tensors
from looktwice.training.thinning import kept_places, thinned

CHECKPOINT_STEPS = 50


@dataclass(frozen=True)
class AdaptationRecipe:
    """How the adapted encoder is trained.

    Attributes
    ----------
    steps, batch : int
    adapters : AdapterShape
    kept : int
        Rows and columns of tokens that a step sees of each picture; see ``thinning``.
    whole_share : float
        Share of the steps, the last ones, that see whole pictures.
    adapter_rate, match_rate : float
        Peak learning rates of AdamW, of the adapters and of Look-Twice: a short warm-up, then a cosine.
    weight_decay : float
    warm_up : int
        Steps.
    averaging : float
        Decay of the running average of the weights.
    map_weight : float
        Weight of the map's cross-entropy beside the image loss.
    seed : int

    Examples
    --------
    >>> AdaptationRecipe(steps=100).adapters.rank
    16
    """

    steps: int = 1200
    batch: int = 16
    adapters: AdapterShape = field(default_factory=AdapterShape)
    kept: int = 13
    whole_share: float = 0.15
    adapter_rate: float = 4e-4
    match_rate: float = 1e-3
    weight_decay: float = 0.02
    warm_up: int = 30
    averaging: float = 0.995
    map_weight: float = 3.0
    seed: int = 0


Report = Callable[[int, dict[str, float]], None]


def train_adapters(
    encoder: DinoV2Small,
    look_twice: AdaptedLookTwice,
    pool: Pool,
    recipe: AdaptationRecipe,
    checkpoint: Path | None = None,
    report: Report = lambda step, values: None,
) -> None:
    """Train adapters and Look-Twice in place; afterwards both hold the averaged weights.

    Parameters
    ----------
    encoder : DinoV2Small
        With adapters; see ``encoders.adapters``.
    look_twice : AdaptedLookTwice
    pool : Pool
    recipe : AdaptationRecipe
    checkpoint : Path, optional
        Written every 50 steps and taken up where it exists, so that a stopped training goes on.
    report : callable
        Called with the step and the losses.
    """
    torch.manual_seed(recipe.seed)
    adapters = {name: one for name, one in encoder.network.named_parameters() if name.endswith((DOWN, UP))}
    matching = dict(look_twice.named_parameters())
    trained = {**{f"adapter.{name}": one for name, one in adapters.items()}, **matching}
    optimiser = torch.optim.AdamW(
        [
            {"params": list(adapters.values()), "peak": recipe.adapter_rate},
            {"params": list(matching.values()), "peak": recipe.match_rate},
        ],
        weight_decay=recipe.weight_decay,
    )
    average = {name: one.detach().clone() for name, one in trained.items()}
    start = _resume(checkpoint, trained, average, optimiser)
    look_twice.train()
    for step, rows in enumerate(_draws(pool, recipe, start), start):
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * _rate(step, recipe)
        torch.manual_seed(_seed(recipe, step))
        hidden, cells = pool.hidden[rows].float(), pool.cells[rows]
        if step < (1 - recipe.whole_share) * recipe.steps:
            places = kept_places(cells, recipe.kept, torch.Generator().manual_seed(_seed(recipe, step)))
            hidden, cells = thinned(hidden, cells, places)
        levels = encoder.after(hidden, recipe.adapters.first_block).levels
        maps, logits = look_twice(levels, (cells.shape[1], cells.shape[2]))
        losses = _losses(maps, logits, pool.labels[rows], cells.flatten(1), pool.known[rows])
        optimiser.zero_grad()
        (losses["image"] + recipe.map_weight * losses["map"] + losses["dice"]).backward()
        torch.nn.utils.clip_grad_norm_(list(trained.values()), 1.0)
        optimiser.step()
        # The average forgets its first steps, which are all alike.
        decay = min(recipe.averaging, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, one in trained.items():
                average[name].lerp_(one, 1 - decay)
        report(step, {name: float(value.detach()) for name, value in losses.items()})
        if checkpoint is not None and (step + 1) % CHECKPOINT_STEPS == 0:
            _save(checkpoint, step + 1, trained, average, optimiser)
    with torch.no_grad():
        for name, one in trained.items():
            one.copy_(average[name])
    look_twice.eval()


def _losses(maps: Tensor, logits: Tensor, labels: Tensor, cells: Tensor, known: Tensor) -> dict[str, Tensor]:
    """Return the image loss, and the map's cross-entropy and Dice loss over pictures whose anomaly's place is known."""
    flat = maps.flatten(1)
    entropy = (F.binary_cross_entropy_with_logits(flat, cells, reduction="none").mean(dim=1) * known).mean()
    shown = flat.sigmoid()
    overlap = (2 * (shown * cells).sum(dim=1) + 1) / (shown.sum(dim=1) + cells.sum(dim=1) + 1)
    anomalous = known * (cells.sum(dim=1) > 0)
    return {
        "image": F.binary_cross_entropy_with_logits(logits, labels),
        "map": entropy,
        "dice": ((1 - overlap) * anomalous).mean(),
    }


def _draws(pool: Pool, recipe: AdaptationRecipe, start: int) -> Iterator[Tensor]:
    """Yield rows for each step: sources with equal chance, half of them normal; the same for the same step."""
    names = sorted(set(pool.sources))
    owner = torch.tensor([names.index(name) for name in pool.sources])
    groups = [[(owner == number).logical_and(pool.labels == label).nonzero().flatten() for label in (0, 1)]
              for number in range(len(names))]  # fmt: skip
    for step in range(start, recipe.steps):
        generator = torch.Generator().manual_seed(_seed(recipe, step))
        rows = []
        for place in range(recipe.batch):
            own = groups[int(torch.randint(len(groups), (1,), generator=generator))]
            group = own[place % 2] if len(own[place % 2]) else own[1 - place % 2]
            rows.append(int(group[int(torch.randint(len(group), (1,), generator=generator))]))
        yield torch.tensor(rows)


def _seed(recipe: AdaptationRecipe, step: int) -> int:
    return recipe.seed * 1_000_003 + step


def _rate(step: int, recipe: AdaptationRecipe) -> float:
    return min(1.0, (step + 1) / recipe.warm_up) * (0.5 + 0.5 * math.cos(math.pi * step / recipe.steps))


def _save(
    path: Path,
    step: int,
    trained: dict[str, nn.Parameter],
    average: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
) -> None:
    weights = {name: one.detach() for name, one in trained.items()}
    write_tensors({"step": step, "weights": weights, "average": average, "optimiser": optimiser.state_dict()}, path)


def _resume(
    path: Path | None, trained: dict[str, nn.Parameter], average: dict[str, Tensor], optimiser: torch.optim.Optimizer
) -> int:
    if path is None or not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    with torch.no_grad():
        for name, one in trained.items():
            one.copy_(state["weights"][name])
            average[name].copy_(state["average"][name])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
