"""Look-Twice Feature Matching for an adapted encoder: matching over all levels at once, and a richer second look.

The parts are those of the paper (``look_twice.py``): a class context, descriptions of "normal" and "anomalous", a map,
2 × 2 selected tokens a view, significance, attention, a predictor. What differs, because the released sizes overfit
where the encoder itself learns: a patch is described by all levels together beside its own view's statistics; the
temperature is learned; the predictor also reads the map's peak.

Shapes: V views, N tokens on an (h, w) grid, C channels, D embedding dimensions, k = pool² selected tokens, S studies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# A view's peak is the mean of this share of its tokens, at least LEAST_PEAK of them.
PEAK_SHARE, LEAST_PEAK = 0.02, 4
# Inverse temperature and offset of the match before training: about one token in ten is taken for anomalous.
SCALE, OFFSET = 8.0, -2.0


class AdaptedLookTwice(nn.Module):
    """Look-Twice Feature Matching over the levels of an adapted encoder.

    Parameters
    ----------
    level_dims : sequence of int
        Channels of the levels.
    embed_dim : int
        D.
    pool : int
        Each view has ``pool × pool`` selected tokens.

    Examples
    --------
    Map logits of each token and a logit of each view, with untrained weights:

    >>> look_twice = AdaptedLookTwice([8, 8], embed_dim=16)
    >>> maps, logits = look_twice([torch.randn(3, 16, 8)] * 2, grid=(4, 4))
    >>> tuple(maps.shape), tuple(logits.shape)
    ((3, 4, 4), (3,))
    """

    def __init__(self, level_dims: Sequence[int], embed_dim: int = 256, pool: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        width = sum(level_dims)
        self.embed_dim, self.pool = embed_dim, pool
        self.normalise = nn.LayerNorm(width)
        self.normal_embedding = nn.Parameter(torch.randn(1, embed_dim) * 0.02)
        self.anomaly_embedding = nn.Parameter(torch.randn(1, embed_dim) * 0.02)
        self.class_predictor = nn.Sequential(
            nn.Linear(2 * width, embed_dim), nn.GELU(), nn.Linear(embed_dim, embed_dim)
        )
        self.patch_adaptor = nn.Linear(width, embed_dim)
        self.view_adaptor = nn.Linear(2 * width, embed_dim)
        self.match_adaptor = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(embed_dim, embed_dim))
        self.prompt_adaptor = nn.Linear(2 * embed_dim, embed_dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(SCALE)))
        self.offset = nn.Parameter(torch.tensor(OFFSET))
        self.query, self.key = nn.Linear(embed_dim, embed_dim), nn.Linear(embed_dim, embed_dim)
        self.predictor = nn.Sequential(
            nn.Linear(2 * embed_dim, embed_dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(embed_dim, 1)
        )
        self.peak_weight = nn.Parameter(torch.tensor(1.0))

    def forward(self, levels: Sequence[Tensor], grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return map logits (V, h, w) and logits (V,) of views, each a study of its own.

        Parameters
        ----------
        levels : sequence of Tensor, each (V, N, C_i)
        grid : (int, int)
        """
        tokens = self.normalise(torch.cat(list(levels), dim=-1))
        statistics = torch.cat([tokens.mean(dim=1), tokens.std(dim=1)], dim=-1)
        context = self.class_predictor(statistics)
        described = self.match_adaptor(self.patch_adaptor(tokens) + self.view_adaptor(statistics)[:, None])
        logits = self._match(described, context)
        maps = logits.sigmoid().unflatten(1, grid)
        cells = F.adaptive_avg_pool2d(maps, self.pool).flatten(1)
        weighted = (described * maps.flatten(1)[..., None]).transpose(1, 2).unflatten(2, grid)
        pooled = F.adaptive_avg_pool2d(weighted, self.pool).flatten(2).transpose(1, 2)
        queries = pooled / cells[..., None].clamp_min(1e-6)
        attention = (self.query(queries) @ self.key(described).transpose(1, 2) / self.embed_dim**0.5).softmax(dim=-1)
        share = cells / cells.sum(dim=1, keepdim=True).clamp_min(1e-6)
        gathered = (share[..., None] * (attention @ described)).sum(dim=1)
        peak = logits.topk(max(LEAST_PEAK, round(PEAK_SHARE * logits.shape[1])), dim=1).values.mean(dim=1)
        second = self.predictor(torch.cat([gathered, context], dim=-1)).squeeze(-1)
        return logits.unflatten(1, grid), self.peak_weight * peak + second

    def _match(self, described: Tensor, context: Tensor) -> Tensor:
        patches = F.normalize(described, dim=-1)
        normal, anomalous = (
            F.normalize(self.prompt_adaptor(torch.cat([embedding.expand(len(context), -1), context], dim=-1)), dim=-1)
            for embedding in (self.normal_embedding, self.anomaly_embedding)
        )
        return self.log_scale.exp() * (patches @ (anomalous - normal)[..., None]).squeeze(-1) + self.offset
