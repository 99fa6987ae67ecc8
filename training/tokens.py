"""Training examples as cached tokens: each picture is encoded once, however many epochs follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.encoders.base import Tokens, VisionEncoder
from looktwice.training.corpus import Example

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
    sources : list of str
    grid : (int, int)
    """

    levels: list[Tensor]
    final: Tensor
    labels: Tensor
    masks: Tensor
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


def encode_examples(encoder: VisionEncoder, examples: Iterator[Example]) -> TokenSet:
    """Encode examples in batches and keep their tokens in half precision."""
    finals: list[Tensor] = []
    levels: list[list[Tensor]] = []
    labels: list[int] = []
    masks: list[Tensor] = []
    sources: list[str] = []
    for batch in _batches(examples):
        tokens = encoder.encode([example.image for example in batch])
        finals.append(tokens.final.half().cpu())
        levels.append([level.half().cpu() for level in tokens.levels])
        labels += [example.label for example in batch]
        masks += [_token_mask(example, encoder.grid) for example in batch]
        sources += [example.source for example in batch]
    return TokenSet(
        levels=[torch.cat(parts) for parts in zip(*levels, strict=True)],
        final=torch.cat(finals),
        labels=torch.tensor(labels, dtype=torch.float32),
        masks=torch.stack(masks),
        sources=sources,
        grid=encoder.grid,
    )


def _token_mask(example: Example, grid: tuple[int, int]) -> Tensor:
    if example.mask is None:
        return torch.full(grid, UNKNOWN)
    mask = torch.from_numpy(example.mask).float()[None, None]
    return F.interpolate(mask, grid, mode="area")[0, 0]


def _batches(examples: Iterator[Example]) -> Iterator[Sequence[Example]]:
    batch: list[Example] = []
    for example in examples:
        batch.append(example)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
