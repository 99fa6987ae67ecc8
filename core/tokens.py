"""Tokens of a study's views: all that an encoder sees, and those that Look-Twice Feature Matching selects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # these types must not load torch
    from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """What an encoder sees in V views.

    Attributes
    ----------
    final : Tensor, shape (V, N, C)
    levels : list of Tensor, each of shape (V, N, C_i)
        From shallow to deep, all on the grid of `final`.
    grid : (int, int)
        Rows and columns; ``N == rows * columns``, row-major. The grid covers the full extent of a view.
    """

    final: Tensor
    levels: list[Tensor]
    grid: tuple[int, int]

    def rows(self, index: Sequence[int]) -> Tokens:
        """Tokens of some of the views."""
        picked = list(index)
        return Tokens(self.final[picked], [level[picked] for level in self.levels], self.grid)


@dataclass(frozen=True)
class SelectedTokens:
    """What Look-Twice Feature Matching says of one study, or of several side by side; what a reasoner reads of it.

    Attributes
    ----------
    maps : Tensor, float32, shape (V, h, w)
        In [0, 1]; 1 is anomalous.
    significance : Tensor, float32, shape (V,)
        How much each view matters.
    local_tokens : Tensor, shape (V, k, C)
        The selected tokens of each view.
    global_token : Tensor, shape (S, C)
        One token for each study; S is 1 for one study.
    score : Tensor, float32, shape (S,)
        In [0, 1].
    """

    maps: Tensor
    significance: Tensor
    local_tokens: Tensor
    global_token: Tensor
    score: Tensor

    def split(self, views_per_study: Sequence[int]) -> list[SelectedTokens]:
        """Return one for each study."""
        counts = list(views_per_study)
        parts = [tensor.split(counts) for tensor in (self.maps, self.significance, self.local_tokens)]
        return [
            SelectedTokens(maps, significance, local_tokens, self.global_token[i : i + 1], self.score[i : i + 1])
            for i, (maps, significance, local_tokens) in enumerate(zip(*parts, strict=True))
        ]
