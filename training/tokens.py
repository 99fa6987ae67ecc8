"""Training examples as cached tokens: each image is encoded only once, for any number of epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.batches import batched
from looktwice.core.tokens import Tokens
from looktwice.evidence.expert import Expert
from looktwice.training.corpus import Example
from looktwice.training.tensor_file import write_tensors

BATCH = 16
UNKNOWN = -1.0


@dataclass
class TokenSet:
    """Encoded examples, in half precision.

    Attributes
    ----------
    levels : list of Tensor, each (E, N, C_i), float16
    final : Tensor, (E, N, C), float16
    labels : Tensor, (E,), float32
    masks : Tensor, (E, h, w), float32
        Share of each token's area that is anomalous; ``UNKNOWN`` where the place is not known.
    real : Tensor, (E,), bool
        Whether the anomaly was found, not painted.
    sources : list of str
    grid : (int, int)
        Of the tokens.

    Examples
    --------
    >>> final, masks = torch.zeros(2, 4, 8).half(), torch.zeros(2, 2, 2)
    >>> labels, real = torch.tensor([0.0, 1.0]), torch.tensor([False, True])
    >>> tiles = TokenSet([final], final, labels, masks, real, ["tile", "tile"], grid=(2, 2))
    >>> both = TokenSet.join([tiles, tiles])
    >>> len(both), both.painted().tolist(), both.tokens(both.members("tile")[:1]).final.dtype
    (4, [0, 2], torch.float32)
    """

    levels: list[Tensor]
    final: Tensor
    labels: Tensor
    masks: Tensor
    real: Tensor
    sources: list[str]
    grid: tuple[int, int]

    def __len__(self) -> int:
        return len(self.labels)

    def tokens(self, rows: Tensor | slice) -> Tokens:
        """Tokens of some examples, in full precision."""
        return Tokens(self.final[rows].float(), [level[rows].float() for level in self.levels], self.grid)

    def members(self, source: str) -> Tensor:
        """Row numbers of a source's examples."""
        return torch.tensor([row for row, name in enumerate(self.sources) if name == source])

    def painted(self) -> Tensor:
        """Row numbers of the normal examples and of those with a painted anomaly."""
        return (~self.real).nonzero().flatten()

    @staticmethod
    def join(parts: Sequence[TokenSet]) -> TokenSet:
        """Put sets of the same encoder together."""
        return TokenSet(
            levels=[torch.cat(level) for level in zip(*(part.levels for part in parts), strict=True)],
            final=torch.cat([part.final for part in parts]),
            labels=torch.cat([part.labels for part in parts]),
            masks=torch.cat([part.masks for part in parts]),
            real=torch.cat([part.real for part in parts]),
            sources=[name for part in parts for name in part.sources],
            grid=parts[0].grid,
        )

    def save(self, path: Path) -> None:
        """Write the set, by a temporary name."""
        write_tensors({field.name: getattr(self, field.name) for field in fields(self)}, path)

    @staticmethod
    def load(path: Path) -> TokenSet:
        """Read a set that `save` wrote."""
        return TokenSet(**torch.load(path, weights_only=True))


@torch.inference_mode()
def encode_examples(expert: Expert, examples: Iterator[Example]) -> TokenSet:
    """Encode examples in batches and keep their tokens in half precision."""
    return TokenSet.join([_encode(expert, batch) for batch in batched(examples, BATCH)])


def _encode(expert: Expert, batch: Sequence[Example]) -> TokenSet:
    tokens = expert.encoder.encode([example.image for example in batch])
    # Cloned outside inference mode's tensors, which cannot be trained on.
    return TokenSet(
        levels=[level.half().cpu().clone() for level in tokens.levels],
        final=tokens.final.half().cpu().clone(),
        labels=torch.tensor([float(example.label) for example in batch]),
        masks=torch.stack([_token_mask(example, tokens.grid) for example in batch]),
        real=torch.tensor([example.real for example in batch]),
        sources=[example.source for example in batch],
        grid=tokens.grid,
    )


def _token_mask(example: Example, grid: tuple[int, int]) -> Tensor:
    if example.mask is None:
        return torch.full(grid, UNKNOWN)
    mask = torch.from_numpy(example.mask).float()[None, None]
    return F.interpolate(mask, grid, mode="area")[0, 0]
