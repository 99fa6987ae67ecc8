"""Tokens of a study's views: all patch tokens of an encoder, and those that LTFM selects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # these types must not load torch
    from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """The patch tokens of V views at all feature levels.

    Attributes
    ----------
    final : Tensor, shape (V, N, C)
        Output of the encoder.
    levels : list of Tensor, each of shape (V, N, C_i)
        Feature maps from shallow to deep, all on the grid of `final`.
    grid : (int, int)
        Rows and columns; ``N == rows * columns``, row-major. The grid covers the full extent of a view.

    Examples
    --------
    >>> import torch
    >>> tokens = Tokens(torch.zeros(3, 16, 8), [torch.zeros(3, 16, 4)], grid=(4, 4))
    >>> tokens.rows([0, 2]).final.shape
    torch.Size([2, 16, 8])
    """

    final: Tensor
    levels: list[Tensor]
    grid: tuple[int, int]

    def rows(self, index: Sequence[int]) -> Tokens:
        """Return the tokens of some of the views."""
        picked = list(index)
        return Tokens(self.final[picked], [level[picked] for level in self.levels], self.grid)


@dataclass(frozen=True)
class SelectedTokens:
    """The output of Look-Twice Feature Matching (LTFM) for S studies; a reasoner reads it.

    Attributes
    ----------
    maps : Tensor, float32, shape (V, h, w)
        LTFM's anomaly maps, in [0, 1].
    significance : Tensor, float32, shape (V,)
        How much each view counts.
    local_tokens : Tensor, shape (V, k, C)
        The k = 4 selected tokens (2 × 2 cells) of each view.
    global_token : Tensor, shape (S, C)
        The image vector: one weighted mean token per study.
    score : Tensor, float32, shape (S,)
        LTFM's own score, in [0, 1].

    Examples
    --------
    >>> import torch
    >>> maps, weights = torch.zeros(5, 4, 4), torch.ones(5)
    >>> selected = SelectedTokens(maps, weights, torch.zeros(5, 4, 8), torch.zeros(2, 8), torch.tensor([0.1, 0.9]))
    >>> first, second = selected.split([2, 3])
    >>> first.maps.shape[0], second.maps.shape[0], round(second.score.item(), 1)
    (2, 3, 0.9)
    """

    maps: Tensor
    significance: Tensor
    local_tokens: Tensor
    global_token: Tensor
    score: Tensor

    def split(self, views_per_study: Sequence[int]) -> list[SelectedTokens]:
        """Return one object per study, given the number of views of each."""
        counts = list(views_per_study)
        parts = [tensor.split(counts) for tensor in (self.maps, self.significance, self.local_tokens)]
        return [
            SelectedTokens(maps, significance, local_tokens, self.global_token[i : i + 1], self.score[i : i + 1])
            for i, (maps, significance, local_tokens) in enumerate(zip(*parts, strict=True))
        ]
