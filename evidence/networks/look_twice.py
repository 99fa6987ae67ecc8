"""Look-Twice Feature Matching (LTFM), the expert of Anomaly-OneVision (Xu et al., CVPR 2025, arXiv 2502.07601).

The first look matches every token of every view with learned descriptions of "normal" and "anomalous" for the class of
object that the study shows. The second look returns to the few tokens that the first one found suspicious.

Shapes: V views, N tokens on an (h, w) grid, C channels, D embedding dimensions, k = pool² selected tokens, S studies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from looktwice.core.errors import WeightsError
from looktwice.core.tokens import SelectedTokens

# Inverse temperature of the softmax over the two descriptions, as released.
MATCH_SCALE = 100.0

# The two channels of the softmax. The released `negative_embedding` is the anomaly; the paper's text swaps the two.
NORMAL, ANOMALY = 0, 1

# Names in the released checkpoint, and our names.
_OFFICIAL_PREFIXES = {
    "positive_embedding": "normal_embedding",
    "negative_embedding": "anomaly_embedding",
    "pooling_layer.0": "context_pool",
    "class_predictor": "class_predictor",
    "siglip_adaptors": "patch_adaptors",
    "prompt_adaptors": "prompt_adaptors",
    "q_former.query_proj": "query",
    "q_former.key_proj": "key",
    "final_predictor": "predictor",
}


@dataclass(frozen=True)
class FirstLook:
    """LTFM's output for views, before it is gathered by study.

    Attributes
    ----------
    maps : Tensor, float32, shape (V, h, w)
        Probability of the anomaly channel, averaged over levels.
    significance : Tensor, float32, shape (V,)
    local_tokens : Tensor, shape (V, k, C)
    cells : Tensor, float32, shape (V, k)
        `maps`, averaged over the cell of each local token.

    Examples
    --------
    The looks at two batches of views, and then those of each of two studies:

    >>> batch = FirstLook(torch.rand(3, 4, 4), torch.rand(3), torch.rand(3, 4, 8), torch.rand(3, 4))
    >>> look = FirstLook.concatenate([batch, batch])
    >>> [len(part.maps) for part in look.split([1, 5])]
    [1, 5]
    """

    maps: Tensor
    significance: Tensor
    local_tokens: Tensor
    cells: Tensor

    @staticmethod
    def concatenate(parts: Sequence[FirstLook]) -> FirstLook:
        """Concatenate the outputs of successive batches of views."""
        return FirstLook(
            torch.cat([part.maps for part in parts]),
            torch.cat([part.significance for part in parts]),
            torch.cat([part.local_tokens for part in parts]),
            torch.cat([part.cells for part in parts]),
        )

    def split(self, counts: Sequence[int]) -> list[FirstLook]:
        """Return the looks at successive groups of views."""
        parts = (one.split(list(counts)) for one in (self.maps, self.significance, self.local_tokens, self.cells))
        return [FirstLook(*part) for part in zip(*parts, strict=True)]


class LookTwice(nn.Module):
    """Look-Twice Feature Matching.

    Parameters
    ----------
    token_dim : int
        C of the encoder's final tokens.
    level_dims : sequence of int
        Channels C_i of the encoder's levels; each level has its own adaptor.
    num_tokens : int
        N, tokens per view.
    grid : (int, int)
        Rows and columns; their product is `num_tokens`.
    embed_dim : int
        D.
    pool : int
        Each view has ``pool × pool`` selected tokens.

    Examples
    --------
    Two studies, one of a single view and one of two, with untrained weights:

    >>> look_twice = LookTwice(token_dim=8, level_dims=[8], num_tokens=16, grid=(4, 4), embed_dim=16)
    >>> tokens = torch.randn(3, 16, 8)
    >>> selected = look_twice(tokens, [tokens], views_per_study=[1, 2])
    >>> tuple(selected.maps.shape), tuple(selected.score.shape)
    ((3, 4, 4), (2,))
    """

    def __init__(
        self,
        token_dim: int,
        level_dims: Sequence[int],
        num_tokens: int,
        grid: tuple[int, int],
        embed_dim: int = 512,
        pool: int = 2,
    ) -> None:
        super().__init__()
        if grid[0] * grid[1] != num_tokens:
            raise ValueError(f"a grid of {grid[0]} × {grid[1]} does not hold {num_tokens} tokens")
        self.token_dim, self.level_dims, self.grid = token_dim, tuple(level_dims), (grid[0], grid[1])
        self.num_tokens, self.embed_dim, self.pool = num_tokens, embed_dim, pool
        self.normal_embedding = nn.Parameter(torch.randn(1, embed_dim))
        self.anomaly_embedding = nn.Parameter(torch.randn(1, embed_dim))
        self.context_pool = nn.Linear(num_tokens, 1)
        self.class_predictor = nn.Sequential(
            nn.Linear(token_dim, embed_dim), nn.GELU(), nn.Linear(embed_dim, embed_dim)
        )
        self.patch_adaptors = nn.ModuleList(nn.Linear(dim, embed_dim) for dim in level_dims)
        self.prompt_adaptors = nn.ModuleList(nn.Linear(2 * embed_dim, embed_dim) for _ in level_dims)
        self.query = nn.Linear(token_dim, embed_dim)
        self.key = nn.Linear(token_dim, embed_dim)
        self.predictor = nn.Sequential(nn.Linear(token_dim, embed_dim), nn.GELU(), nn.Linear(embed_dim, 1))

    @classmethod
    def from_official(cls, state_dict_or_path: Mapping[str, Tensor] | str | Path) -> LookTwice:
        """Load the released expert, whose checkpoint has other names.

        Parameters
        ----------
        state_dict_or_path : mapping of str to Tensor, or path
            The state dict, or its ``.pth`` (read with ``weights_only=True``) or ``.safetensors`` file. All sizes are
            taken from the tensors; the token grid is assumed to be square.

        Raises
        ------
        WeightsError
            The file cannot be read, a name is missing or unknown, or a shape is wrong.
        """
        official = _read_state_dict(state_dict_or_path)
        state = {_own_name(name): tensor for name, tensor in official.items()}
        try:
            num_tokens = state["context_pool.weight"].shape[1]
            side = round(num_tokens**0.5)
            levels = sum(name.startswith("patch_adaptors.") and name.endswith(".weight") for name in state)
            model = cls(
                token_dim=state["query.weight"].shape[1],
                level_dims=[state[f"patch_adaptors.{i}.weight"].shape[1] for i in range(levels)],
                num_tokens=num_tokens,
                grid=(side, side),
                embed_dim=state["normal_embedding"].shape[1],
            )
            model.load_state_dict(state)
        except (KeyError, ValueError, RuntimeError) as error:
            reason = str(error).replace("\n", " ")
            raise WeightsError(f"these weights are not a Look-Twice expert: {reason}") from error
        return model.eval()

    def forward(self, final: Tensor, levels: Sequence[Tensor], views_per_study: Sequence[int]) -> SelectedTokens:
        """Apply LTFM to several studies at once.

        Parameters
        ----------
        final : Tensor, shape (V, N, C)
            Final tokens of all views. The first view of each study is its base view, which gives the class context.
        levels : sequence of Tensor, each of shape (V, N, C_i)
        views_per_study : sequence of int
            Number of successive views of each study; sums to V.

        Returns
        -------
        SelectedTokens

        Raises
        ------
        ValueError
            A shape is wrong; the message says which.
        """
        self._check(final, levels)
        counts = list(views_per_study)
        if sum(counts) != len(final) or min(counts, default=0) < 1:
            raise ValueError(f"views_per_study {counts} must be positive and sum to the {len(final)} views given")
        repeats = torch.tensor(counts, device=final.device)
        bases = torch.cumsum(repeats, 0) - repeats
        context = self.context(final[bases]).repeat_interleave(repeats, dim=0)
        return self.gather(self.look(final, levels, context), counts)

    def context(self, base: Tensor) -> Tensor:
        """Return the class context (S, D) from the final tokens (S, N, C) of base views: what kind of object it is."""
        pooled = self.context_pool(base.transpose(1, 2)).squeeze(-1)
        vector: Tensor = self.class_predictor(pooled)
        return vector

    def look(self, final: Tensor, levels: Sequence[Tensor], context: Tensor) -> FirstLook:
        """Apply LTFM to views, given the class context (V, D) or (1, D); a study may come in several batches."""
        maps = self._match(levels, context.expand(len(final), -1))
        cells = F.adaptive_avg_pool2d(maps, self.pool).flatten(1)
        queries = self._select(final, maps, cells)
        attention = self.query(queries) @ self.key(final).transpose(1, 2) / self.embed_dim**0.5
        return FirstLook(
            maps=maps,
            significance=maps.mean(dim=(1, 2)),
            local_tokens=attention.softmax(dim=-1) @ final,
            cells=cells,
        )

    def gather(self, look: FirstLook, views_per_study: Sequence[int]) -> SelectedTokens:
        """Combine the selected tokens of each study's views, by a weighted mean, to one token and one score."""
        tokens = torch.split(look.local_tokens, list(views_per_study))
        weights = torch.split(look.cells * look.significance[:, None], list(views_per_study))
        pooled = [self._weighted_mean(token, weight) for token, weight in zip(tokens, weights, strict=True)]
        global_token = torch.stack(pooled)
        score = self.predictor(global_token).float().sigmoid().squeeze(-1)
        return SelectedTokens(look.maps, look.significance, look.local_tokens, global_token, score)

    def _match(self, levels: Sequence[Tensor], context: Tensor) -> Tensor:
        """Return anomaly maps (V, h, w), float32: softmax over the two descriptions, averaged over levels."""
        total: Tensor | None = None
        for level, patch_adaptor, prompt_adaptor in zip(levels, self.patch_adaptors, self.prompt_adaptors, strict=True):
            patches = _unit(patch_adaptor(level))
            descriptions = torch.stack(
                [
                    _unit(prompt_adaptor(torch.cat([embedding.expand(len(context), -1), context], dim=-1)))
                    for embedding in (self.normal_embedding, self.anomaly_embedding)
                ],
                dim=-1,
            )
            logits = MATCH_SCALE * (patches @ descriptions).float()
            probability = logits.softmax(dim=-1)[..., ANOMALY]
            total = probability if total is None else total + probability
        assert total is not None
        maps: Tensor = (total / len(levels)).unflatten(1, self.grid)
        return maps

    def _select(self, final: Tensor, maps: Tensor, cells: Tensor) -> Tensor:
        """Return the map-weighted mean token of each cell, (V, k, C); zero where the map has underflowed to 0."""
        weighted = (final * maps.flatten(1)[..., None]).transpose(1, 2).unflatten(2, self.grid)
        pooled = F.adaptive_avg_pool2d(weighted, self.pool).flatten(2).transpose(1, 2)
        return (pooled / cells[..., None].clamp_min(torch.finfo(cells.dtype).tiny)).to(final.dtype)

    @staticmethod
    def _weighted_mean(tokens: Tensor, weights: Tensor) -> Tensor:
        """Return Σ w·v / Σ w over views and cells of tokens (V, k, C); weights are equal if all have underflowed."""
        total = weights.sum()
        share = torch.where(total > 0, weights / total.clamp_min(torch.finfo(weights.dtype).tiny), 1 / weights.numel())
        return (share[..., None] * tokens.float()).sum(dim=(0, 1)).to(tokens.dtype)

    def _check(self, final: Tensor, levels: Sequence[Tensor]) -> None:
        if final.ndim != 3 or final.shape[1:] != (self.num_tokens, self.token_dim):
            raise ValueError(f"final tokens must be (V, {self.num_tokens}, {self.token_dim}), not {tuple(final.shape)}")
        if len(levels) != len(self.level_dims):
            raise ValueError(f"{len(self.level_dims)} levels are needed, not {len(levels)}")
        for number, (level, dim) in enumerate(zip(levels, self.level_dims, strict=True)):
            if level.shape != (len(final), self.num_tokens, dim):
                raise ValueError(
                    f"level {number} must be ({len(final)}, {self.num_tokens}, {dim}), not {tuple(level.shape)}"
                )


def _unit(vectors: Tensor) -> Tensor:
    """Scale vectors to unit length; a zero vector stays zero, also in half precision."""
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    unit: Tensor = vectors / lengths.clamp_min(torch.finfo(vectors.dtype).tiny)
    return unit


def _own_name(official: str) -> str:
    for prefix, own in _OFFICIAL_PREFIXES.items():
        if official == prefix or official.startswith(f"{prefix}."):
            return own + official[len(prefix) :]
    return official


def _read_state_dict(source: Mapping[str, Tensor] | str | Path) -> Mapping[str, Tensor]:
    if isinstance(source, Mapping):
        return source
    path = Path(source)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        loaded: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return loaded
    except Exception as error:  # torch, pickle and safetensors each raise their own kinds
        raise WeightsError(f"{path} cannot be read as expert weights ({type(error).__name__})") from error
