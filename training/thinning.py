"""Training on some of the rows and columns of a picture's tokens, which halves the cost of a step.

A vision transformer takes any subset of tokens (PatchDropout, Liu et al. 2023); whole rows and columns keep a grid.
"""

from __future__ import annotations

import torch
from torch import Tensor


def kept_places(cells: Tensor, kept: int, generator: torch.Generator) -> Tensor:
    """Draw rows and columns of each picture; one anomalous place, if there is any, is always among them.

    Parameters
    ----------
    cells : Tensor, shape (B, h, w)
        Anomalous share of each place.
    kept : int
        Rows, and columns, to keep.
    generator : torch.Generator

    Returns
    -------
    Tensor, int64, shape (B, kept · kept)
        Numbers of the places, row-major.

    Examples
    --------
    >>> cells = torch.zeros(1, 4, 4)
    >>> cells[0, 2, 1] = 1.0
    >>> places = kept_places(cells, 3, torch.Generator().manual_seed(0))
    >>> places.shape, bool((places == 2 * 4 + 1).any())
    (torch.Size([1, 9]), True)
    """
    found = []
    for own in cells:
        drawn = torch.rand(2, own.shape[0], generator=generator)
        if own.max() > 0:
            place = int(torch.multinomial(own.flatten(), 1, generator=generator))
            drawn[0, place // own.shape[1]] = drawn[1, place % own.shape[1]] = 2.0
        rows, columns = (one.topk(kept).indices.sort().values for one in drawn)
        found.append((rows[:, None] * own.shape[1] + columns).flatten())
    return torch.stack(found)


def thinned(hidden: Tensor, cells: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the tokens (B, 1 + K, C), class token first, and cells (B, k, k) of the places (B, K) kept."""
    side = round(places.shape[1] ** 0.5)
    rows = places[..., None].expand(-1, -1, hidden.shape[2])
    tokens = torch.cat([hidden[:, :1], hidden[:, 1:].gather(1, rows)], dim=1)
    return tokens, cells.flatten(1).gather(1, places).unflatten(1, (side, side))
