"""Minimising a smooth loss over a few parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

ITERATIONS = 200


def minimise(parameters: Sequence[Tensor], loss: Callable[[], Tensor]) -> None:
    """Change parameters in place to where the loss is least, by L-BFGS with line search over all data at once."""
    optimiser = torch.optim.LBFGS(list(parameters), max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(closure)
