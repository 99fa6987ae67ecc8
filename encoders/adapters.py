"""Low-rank adapters inside a vision transformer's attention and feed-forward layers (LoRA, Hu et al. 2022).

peft puts them in and trains them. Adding trained ones to the weights is one product a layer, and does without peft,
which takes seconds to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from looktwice.core.errors import WeightsError

# What peft calls the two factors of an adapter behind its layer's name.
DOWN, UP = ".lora_A.default.weight", ".lora_B.default.weight"


@dataclass(frozen=True)
class AdapterShape:
    """Where adapters are and how large.

    Attributes
    ----------
    rank : int
        0 for an encoder without adapters.
    alpha : int
        Their output counts `alpha / rank`.
    first_block : int
        The first block with adapters, 0-based.

    Examples
    --------
    >>> AdapterShape(rank=16).alpha
    32
    """

    rank: int = 16
    alpha: int = 32
    first_block: int = 3


def inject_adapters(network: Any, shape: AdapterShape) -> dict[str, nn.Parameter]:
    """Put untrained adapters, which change nothing yet, into the blocks of a network; return their parameters by name.

    Parameters
    ----------
    network : timm.models.VisionTransformer
    shape : AdapterShape
    """
    if not shape.rank:
        return {}
    from peft import LoraConfig, inject_adapter_in_model

    blocks = "|".join(str(number) for number in range(shape.first_block, len(network.blocks)))
    layers = rf"blocks\.({blocks})\.(attn\.(qkv|proj)|mlp\.(fc1|fc2))"
    inject_adapter_in_model(LoraConfig(r=shape.rank, lora_alpha=shape.alpha, target_modules=layers), network)
    return {name: one for name, one in network.named_parameters() if name.endswith((DOWN, UP))}


@torch.no_grad()
def merge_adapters(network: nn.Module, shape: AdapterShape, trained: Mapping[str, Tensor]) -> None:
    """Add trained adapters to the weights of a network as it was published, so that they cost nothing to run.

    Raises
    ------
    WeightsError
        The adapters are not those of this network.
    """
    for name in (key.removesuffix(DOWN) for key in trained if key.endswith(DOWN)):
        try:
            weight = network.get_parameter(f"{name}.weight")
            weight.add_(trained[name + UP].float() @ trained[name + DOWN].float() * (shape.alpha / shape.rank))
        except (AttributeError, KeyError, RuntimeError) as error:
            raise WeightsError(f"the adapters of {name} do not match the encoder; train the expert again") from error
