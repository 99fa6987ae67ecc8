"""The features of images that comparisons use: unit-length patch tokens, and a global descriptor."""

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
    """The features of V images that comparisons use.

    Attributes
    ----------
    fields : tuple of Tensor, each (V, h, w, C), float16
        Unit-length tokens of each feature level; levels may differ in grid.
    global_descriptor : Tensor, shape (V, D)
        Global descriptor: mean and standard deviation of each image's tokens.
    deepest : tuple of bool
        Whether a feature level is the deepest of its encoder pass.

    Examples
    --------
    Of five images one feature level on its own grid, and one on half of it:

    >>> tokens = Tokens(torch.rand(5, 64, 6), [torch.rand(5, 64, 6)] * 2, grid=(8, 8))
    >>> features = PatchFeatures.of(tokens, fine=[FeatureLevel(0, 1)], coarse=[FeatureLevel(1, 3)])
    >>> [tuple(field.shape) for field in features.rows([0, 3]).fields]
    [(2, 8, 8, 6), (2, 4, 4, 6)]
    """

    fields: tuple[Tensor, ...]
    global_descriptor: Tensor
    deepest: tuple[bool, ...]

    @staticmethod
    def of(tokens: Tokens, fine: Sequence[FeatureLevel], coarse: Sequence[FeatureLevel] = ()) -> PatchFeatures:
        """Return the features of encoded images: `fine` levels on their own grid, `coarse` ones on half of it."""
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
        """Return the features of some of the images."""
        picked = list(index)
        return PatchFeatures(
            tuple(field[picked] for field in self.fields), self.global_descriptor[picked], self.deepest
        )

    def thinned(self, step: int) -> PatchFeatures:
        """Return only every `step`-th row and column of tokens."""
        return replace(self, fields=tuple(field[:, ::step, ::step] for field in self.fields))

    @staticmethod
    def concatenate(parts: Sequence[PatchFeatures]) -> PatchFeatures:
        """Concatenate batches of images."""
        fields = tuple(torch.cat(field) for field in zip(*(part.fields for part in parts), strict=True))
        return PatchFeatures(fields, torch.cat([part.global_descriptor for part in parts]), parts[0].deepest)

    @staticmethod
    def joined(looks: Sequence[Sequence[PatchFeatures]]) -> PatchFeatures:
        """Join the feature levels of several encoder passes over the same images, each given in batches."""
        every = [PatchFeatures.concatenate(parts) for parts in looks]
        fields = tuple(field for look in every for field in look.fields)
        deepest = tuple(flag for look in every for flag in look.deepest)
        return PatchFeatures(fields, torch.cat([look.global_descriptor for look in every], dim=1), deepest)
