"""What a comparison keeps of pictures: unit-length tokens of some fields, and the overall look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.tokens import Tokens
from looktwice.evidence.self_reference_maps import FeatureLevel, describe


@dataclass(frozen=True)
class PatchFeatures:
    """What a comparison keeps of pictures.

    Attributes
    ----------
    fields : tuple of Tensor, each (V, h, w, C), float16
        Unit-length tokens; fields may differ in grid.
    whole : Tensor, shape (V, D)
        Mean and spread of each picture's tokens: its overall look.
    deepest : tuple of bool
        Whether a field is the deepest of its look.
    """

    fields: tuple[Tensor, ...]
    whole: Tensor
    deepest: tuple[bool, ...]

    @staticmethod
    def of(tokens: Tokens, fine: Sequence[FeatureLevel], coarse: Sequence[FeatureLevel] = ()) -> PatchFeatures:
        """Describe encoded pictures by fields on their own grid, and by others on half of it."""
        looks, fields = [], []
        for field in (*fine, *coarse):
            features = tokens.levels[field.level].float()
            looks += [F.normalize(features.mean(dim=1), dim=1), F.normalize(features.std(dim=1), dim=1)]
            described = describe(tokens, field)
            if field in coarse:
                described = F.normalize(F.avg_pool2d(described, 2, ceil_mode=True), dim=1)
            fields.append(described.movedim(1, -1).half())
        deepest = tuple(number == len(fields) for number in range(1, len(fields) + 1))
        return PatchFeatures(tuple(fields), torch.cat(looks, dim=1), deepest)

    def rows(self, index: Sequence[int]) -> PatchFeatures:
        """Keep some of the pictures."""
        picked = list(index)
        return PatchFeatures(tuple(field[picked] for field in self.fields), self.whole[picked], self.deepest)

    def thinned(self, step: int) -> PatchFeatures:
        """Keep every so many rows and columns of tokens."""
        return replace(self, fields=tuple(field[:, ::step, ::step] for field in self.fields))

    @staticmethod
    def concatenate(parts: Sequence[PatchFeatures]) -> PatchFeatures:
        """Join successive batches."""
        fields = tuple(torch.cat(field) for field in zip(*(part.fields for part in parts), strict=True))
        return PatchFeatures(fields, torch.cat([part.whole for part in parts]), parts[0].deepest)

    @staticmethod
    def joined(looks: Sequence[Sequence[PatchFeatures]]) -> PatchFeatures:
        """Join what several looks at the same pictures show, each in successive batches."""
        every = [PatchFeatures.concatenate(parts) for parts in looks]
        fields = tuple(field for look in every for field in look.fields)
        deepest = tuple(flag for look in every for flag in look.deepest)
        return PatchFeatures(fields, torch.cat([look.whole for look in every], dim=1), deepest)
