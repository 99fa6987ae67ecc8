"""LTFM against an independent, loop-by-loop reading of the released definition, and against hand-computed cases."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from looktwice.core.errors import WeightsError
from looktwice.evidence.networks.look_twice import LookTwice

torch.manual_seed(0)


def official_state(dim: int = 24, levels: tuple[int, ...] = (24,) * 4, tokens: int = 49, embed: int = 16) -> dict:
    """Random weights under the released checkpoint's names."""
    generator = torch.Generator().manual_seed(7)

    def weight(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) * 0.2

    state = {
        "positive_embedding": weight(1, embed),
        "negative_embedding": weight(1, embed),
        "pooling_layer.0.weight": weight(1, tokens),
        "pooling_layer.0.bias": weight(1),
        "class_predictor.0.weight": weight(embed, dim),
        "class_predictor.0.bias": weight(embed),
        "class_predictor.2.weight": weight(embed, embed),
        "class_predictor.2.bias": weight(embed),
        "q_former.query_proj.weight": weight(embed, dim),
        "q_former.query_proj.bias": weight(embed),
        "q_former.key_proj.weight": weight(embed, dim),
        "q_former.key_proj.bias": weight(embed),
        "final_predictor.0.weight": weight(embed, dim),
        "final_predictor.0.bias": weight(embed),
        "final_predictor.2.weight": weight(1, embed),
        "final_predictor.2.bias": weight(1),
    }
    for i, level in enumerate(levels):
        state[f"siglip_adaptors.{i}.weight"] = weight(embed, level)
        state[f"siglip_adaptors.{i}.bias"] = weight(embed)
        state[f"prompt_adaptors.{i}.weight"] = weight(embed, 2 * embed)
        state[f"prompt_adaptors.{i}.bias"] = weight(embed)
    return state


def by_definition(state: dict, final: Tensor, levels: list[Tensor], side: int) -> dict[str, Tensor]:
    """One study, view by view and token by token, straight from the equations."""

    def linear(name: str, x: Tensor) -> Tensor:
        return state[f"{name}.weight"] @ x + state[f"{name}.bias"]

    def unit(x: Tensor) -> Tensor:
        return x / x.norm()

    def bounds(i: int) -> tuple[int, int]:  # adaptive pooling to two cells
        return (i * side) // 2, math.ceil((i + 1) * side / 2)

    gelu = torch.nn.functional.gelu
    embed = state["positive_embedding"].shape[1]
    g = torch.stack([linear("pooling_layer.0", final[0][:, c])[0] for c in range(final.shape[2])])
    c = linear("class_predictor.2", gelu(linear("class_predictor.0", g)))
    maps, significance, tokens, weights = [], [], [], []
    for j in range(len(final)):
        m = torch.zeros(side * side)
        for i, level in enumerate(levels):
            plus = unit(linear(f"prompt_adaptors.{i}", torch.cat([state["positive_embedding"][0], c])))
            minus = unit(linear(f"prompt_adaptors.{i}", torch.cat([state["negative_embedding"][0], c])))
            for n in range(side * side):
                v = unit(linear(f"siglip_adaptors.{i}", level[j, n]))
                normal, anomaly = math.exp(100 * (v @ plus) - 100), math.exp(100 * (v @ minus) - 100)
                m[n] += anomaly / (normal + anomaly) / len(levels)
        s = m.mean()
        square, view = m.view(side, side), final[j].view(side, side, -1)
        for row in range(2):
            for column in range(2):
                (top, bottom), (left, right) = bounds(row), bounds(column)
                cell, content = square[top:bottom, left:right], view[top:bottom, left:right]
                q = (content * cell[..., None]).mean((0, 1)) / cell.mean()
                keys = torch.stack([linear("q_former.key_proj", token) for token in final[j]])
                share = (keys @ linear("q_former.query_proj", q) / math.sqrt(embed)).softmax(0)
                tokens.append(share @ final[j])
                weights.append(cell.mean() * s)
        maps.append(square)
        significance.append(s)
    local, w = torch.stack(tokens), torch.stack(weights)
    r = (w[:, None] * local).sum(0) / w.sum()
    score = torch.sigmoid(linear("final_predictor.2", gelu(linear("final_predictor.0", r))))
    return {
        "maps": torch.stack(maps),
        "significance": torch.stack(significance),
        "local_tokens": local.view(len(final), 4, -1),
        "global_token": r[None],
        "score": score,
    }


def inputs(views: int, tokens: int = 49, dim: int = 24, seed: int = 1) -> tuple[Tensor, list[Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(views, tokens, dim, generator=generator),
        [torch.randn(views, tokens, dim, generator=generator) for _ in range(4)],
    )


@pytest.mark.parametrize("views_per_study", [[1], [3], [2, 1, 3]])
def test_agrees_with_the_released_definition(views_per_study):
    state = official_state()
    model = LookTwice.from_official(state)
    final, levels = inputs(sum(views_per_study))
    with torch.no_grad():
        evidence = model(final, levels, views_per_study)
    start = 0
    for part, count in zip(evidence.split(views_per_study), views_per_study, strict=True):
        views = slice(start, start + count)
        expected = by_definition(state, final[views], [level[views] for level in levels], side=7)
        for name, value in expected.items():
            torch.testing.assert_close(getattr(part, name), value, atol=1e-4, rtol=1e-4, msg=name)
        start += count


def test_released_sizes_load():
    model = LookTwice.from_official(official_state(1152, (1152,) * 4, 729, 512))
    assert model.grid == (27, 27)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 2) == 7.09


def test_anomaly_is_the_released_negative_embedding():
    state = official_state()
    # Identity prompt adaptors on the embedding part: the description is the embedding itself.
    embed = 16
    state["positive_embedding"] = torch.eye(embed)[:1]
    state["negative_embedding"] = torch.eye(embed)[1:2]
    for i in range(4):
        state[f"prompt_adaptors.{i}.weight"] = torch.cat([torch.eye(embed), torch.zeros(embed, embed)], dim=1)
        state[f"prompt_adaptors.{i}.bias"] = torch.zeros(embed)
        state[f"siglip_adaptors.{i}.weight"] = torch.eye(embed, 24)
        state[f"siglip_adaptors.{i}.bias"] = torch.zeros(embed)
    model = LookTwice.from_official(state)
    level = torch.zeros(1, 49, 24)
    level[..., 0] = 1.0  # like the positive (normal) embedding
    level[0, 10, :2] = torch.tensor([0.0, 1.0])  # one token like the negative one
    maps = model(torch.randn(1, 49, 24), [level] * 4, [1]).maps.flatten()
    assert maps[10] > 0.999
    assert maps[torch.arange(49) != 10].max() < 0.001


def test_a_suspicious_view_decides_over_calm_ones():
    """Weights are the map's cells times the view's significance: a calm view hardly moves the global token."""
    model = LookTwice.from_official(official_state())
    final, levels = inputs(2)
    with torch.no_grad():
        look = model.look(final, levels, model.context(final[:1]))
        calm = look.cells.clone()
        calm[1] = 1e-9
        tilted = type(look)(look.maps, look.significance, look.local_tokens, calm)
        alone = type(look)(look.maps[:1], look.significance[:1], look.local_tokens[:1], look.cells[:1])
        torch.testing.assert_close(model.gather(tilted, [2]).global_token, model.gather(alone, [1]).global_token)


def test_batches_of_one_study_may_come_in_turn():
    model = LookTwice.from_official(official_state())
    final, levels = inputs(5)
    with torch.no_grad():
        whole = model(final, levels, [5])
        context = model.context(final[:1])
        parts = [model.look(final[a:b], [level[a:b] for level in levels], context) for a, b in ((0, 2), (2, 5))]
        streamed = model.gather(type(parts[0]).concatenate(parts), [5])
    torch.testing.assert_close(streamed.score, whole.score)
    torch.testing.assert_close(streamed.maps, whole.maps)


def test_gradients_reach_every_weight():
    model = LookTwice(24, [8, 12], 16, (4, 4), embed_dim=8)
    evidence = model(torch.randn(3, 16, 24), [torch.randn(3, 16, 8), torch.randn(3, 16, 12)], [1, 2])
    (evidence.score.sum() + evidence.maps.sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        # A bias on the keys shifts all logits of a query alike, which softmax cancels.
        assert name == "key.bias" or parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_constant_input_gives_no_nan(value, dtype):
    model = LookTwice.from_official(official_state()).to(dtype)
    level = torch.full((2, 49, 24), value, dtype=dtype)
    with torch.no_grad():
        evidence = model(level, [level] * 4, [2])
    for tensor in (evidence.maps, evidence.significance, evidence.local_tokens, evidence.global_token, evidence.score):
        assert torch.isfinite(tensor).all()


def test_map_that_underflows_gives_no_nan():
    state = official_state()
    state["negative_embedding"] = -state["positive_embedding"]
    model = LookTwice.from_official(state)
    for adaptor in model.prompt_adaptors:
        adaptor.bias.data.zero_()
        adaptor.weight.data[:, 16:] = 0
    direction = model.prompt_adaptors[0](torch.cat([state["positive_embedding"], torch.zeros(1, 16)], 1)).detach()
    for patch, prompt in zip(model.patch_adaptors, model.prompt_adaptors, strict=True):
        prompt.load_state_dict(model.prompt_adaptors[0].state_dict())
        patch.weight.data.zero_()
        patch.bias.data.copy_(direction[0])
    final, levels = inputs(1)
    evidence = model(final, levels, [1])
    assert evidence.maps.max() == 0
    assert torch.isfinite(evidence.score).all()
    assert torch.isfinite(evidence.local_tokens).all()


def test_half_precision_is_close():
    model = LookTwice.from_official(official_state())
    final, levels = inputs(2)
    with torch.no_grad():
        full = model(final, levels, [2])
        half = model.to(torch.bfloat16)(final.bfloat16(), [level.bfloat16() for level in levels], [2])
    assert half.local_tokens.dtype == torch.bfloat16
    assert (half.score - full.score).abs().max() < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, ls: (f[:, :5], ls, [2]), "final tokens"),
        (lambda f, ls: (f, ls[:3], [2]), "4 levels"),
        (lambda f, ls: (f, [*ls[:3], ls[3][..., :5]], [2]), "level 3"),
        (lambda f, ls: (f, ls, [1]), "sum to the 2 views"),
        (lambda f, ls: (f, ls, [2, 0]), "positive"),
    ],
)
def test_wrong_shapes_are_named(change, message):
    model = LookTwice.from_official(official_state())
    with pytest.raises(ValueError, match=message):
        model(*change(*inputs(2)))


def test_foreign_weights_are_an_error(tmp_path):
    state = official_state()
    del state["final_predictor.2.bias"]
    with pytest.raises(WeightsError, match="not a Look-Twice expert"):
        LookTwice.from_official(state)
    broken = tmp_path / "expert.pth"
    broken.write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError, match="cannot be read"):
        LookTwice.from_official(broken)


def test_checkpoint_file_is_read(tmp_path):
    torch.save(official_state(), tmp_path / "expert.pth")
    torch.testing.assert_close(
        LookTwice.from_official(tmp_path / "expert.pth").normal_embedding.data, official_state()["positive_embedding"]
    )
