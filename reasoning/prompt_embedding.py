"""Placing visual tokens between words: one sequence of input embeddings.

A prompt is a list of segments in reading order, each a text or a tensor (n, D) of embeddings in the LLM's own
space, i.e. behind the projector.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Segment = str | Tensor


def lay_out_crops(local_tokens: Tensor, grid: tuple[int, int], newline: Tensor) -> Tensor:
    """Put the selected tokens of AnyRes crops where their crops lie, and end each row with a newline token.

    Parameters
    ----------
    local_tokens : Tensor, shape (h · w, k, D)
        Of the crops in row-major order; k = p² tokens of each, row-major too.
    grid : (int, int)
        h rows and w columns of crops.
    newline : Tensor, shape (D,)

    Returns
    -------
    Tensor, shape (p·h · (p·w + 1), D)
    """
    rows, columns = grid
    side = round(local_tokens.shape[1] ** 0.5)
    tokens = local_tokens.reshape(rows, columns, side, side, -1).permute(0, 2, 1, 3, 4)
    tokens = tokens.reshape(side * rows, side * columns, -1)
    ends = newline.to(tokens).expand(side * rows, 1, -1)
    return torch.cat([tokens, ends], dim=1).flatten(0, 1)


def embed(segments: Iterable[Segment], tokenizer: PreTrainedTokenizerBase, embedding: nn.Module) -> Tensor:
    """Return one sequence (n, D) of input embeddings.

    Neighbouring texts are joined before they are tokenised, so that where a text was cut does not matter.
    """
    weight = next(embedding.parameters())
    # A 4-bit model keeps its embeddings in half precision; the visual tokens follow them.
    parts = [
        embedding(_token_ids(segment, tokenizer).to(weight.device)) if isinstance(segment, str) else segment.to(weight)
        for segment in join_texts(segments)
    ]
    return torch.cat(parts)


def left_pad(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack sequences (n_i, D) into a batch (B, n, D) that ends flush, as generation wants it, and its mask (B, n)."""
    longest = max(len(sequence) for sequence in sequences)
    batch = sequences[0].new_zeros(len(sequences), longest, sequences[0].shape[-1])
    mask = torch.zeros(len(sequences), longest, dtype=torch.long, device=batch.device)
    for row, sequence in enumerate(sequences):
        batch[row, longest - len(sequence) :] = sequence
        mask[row, longest - len(sequence) :] = 1
    return batch, mask


def join_texts(segments: Iterable[Segment]) -> list[Segment]:
    """Join neighbouring texts; empty segments are dropped."""
    joined: list[Segment] = []
    for segment in segments:
        if not len(segment):
            continue
        if isinstance(segment, str) and joined and isinstance(joined[-1], str):
            joined[-1] += segment
        else:
            joined.append(segment)
    return joined


def _token_ids(text: str, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    ids: Tensor = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"][0]
    return ids
