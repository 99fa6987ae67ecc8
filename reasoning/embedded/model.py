"""The embedded reasoner's network: the expert's tokens, a projector, a small language model with LoRA.

What is trained here, the projector and the adapter, is one safetensors file whose metadata say what it belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from looktwice.core.atomic import atomic_path
from looktwice.core.errors import WeightsError
from looktwice.reasoning.base import Turn
from looktwice.reasoning.prompt import chatml, plain, suspicion_phrase
from looktwice.reasoning.prompt_embedding import Segment, embed

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

METADATA = "looktwice_reasoner"
SYSTEM = "You explain what an anomaly detector found. The measured facts are right."
IGNORED = -100
"""Label of tokens that the loss passes over."""


@dataclass(frozen=True)
class EmbeddedConfig:
    """What a trained projector and adapter belong to.

    Attributes
    ----------
    encoder : str
        Name of the encoder whose tokens the projector reads.
    token_dim : int
        Channels of those tokens.
    llm : str
    base_grid : int
        A view shown whole is pooled to this many tokens a side.
    lora_rank, lora_alpha : int
    lora_targets : tuple of str
    steps : int
        Optimiser steps trained; 0 is untrained, which no reasoner takes.
    revision : str

    Examples
    --------
    >>> EmbeddedConfig("efficientnet_lite0", token_dim=320).llm
    'smollm2-135m-instruct'
    """

    encoder: str
    token_dim: int
    llm: str = "smollm2-135m-instruct"
    base_grid: int = 4
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    steps: int = 0
    revision: str = "unreleased"


@dataclass(frozen=True)
class ShownView:
    """One view as the network is shown it.

    Attributes
    ----------
    label : str
        Where the view lies; empty for a single picture.
    selected : Tensor, shape (k, C)
        The tokens that the expert selected.
    final : Tensor, shape (N, C), or None
        All tokens, row-major on a square grid; None shows the selected ones only.

    Examples
    --------
    >>> ShownView("axial slice 92", torch.zeros(4, 16)).final is None  # shown by its selected tokens only
    True
    """

    label: str
    selected: Tensor
    final: Tensor | None = None


class EmbeddedModel(nn.Module):
    """Projector and language model.

    Parameters
    ----------
    llm : PreTrainedModel
        Without an adapter; one is put on.
    tokenizer : PreTrainedTokenizerBase
        Of a model that speaks ChatML.
    config : EmbeddedConfig

    Examples
    --------
    >>> view = ShownView("axial slice 92", selected=torch.zeros(4, 320), final=torch.zeros(49, 320))
    >>> model = EmbeddedModel(llm, tokenizer, EmbeddedConfig("efficientnet_lite0", token_dim=320))  # doctest: +SKIP
    >>> pictures = model.read([view], torch.zeros(1, 320), "highly")  # doctest: +SKIP
    >>> prompt = model.embed_prompt(pictures, "The score is 0.90.", "Where is it?")  # doctest: +SKIP
    """

    def __init__(self, llm: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, config: EmbeddedConfig) -> None:
        super().__init__()
        from peft import LoraConfig, get_peft_model

        lora = LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            target_modules=list(config.lora_targets),
            task_type="CAUSAL_LM",
        )
        self.config = config
        self.tokenizer = tokenizer
        # The adapter has the precision of what it adapts; the projector, which is small, always full precision.
        self.llm: Any = get_peft_model(llm, lora, autocast_adapter_dtype=False)
        hidden = llm.config.hidden_size
        self.projector = nn.Sequential(nn.Linear(config.token_dim, hidden), nn.GELU(), nn.Linear(hidden, hidden))

    def read(self, views: Sequence[ShownView], global_token: Tensor, suspicion: str) -> list[Segment]:
        """Lay out a study: its views, the words of suspicion, the study's one token and the worst view's selection.

        Parameters
        ----------
        views : sequence of ShownView
        global_token : Tensor, shape (1, C)
        suspicion : {"slightly", "moderately", "highly"}
        """
        segments: list[Segment] = []
        for view in views:
            if view.label:
                segments.append(f"{view.label}: ")
            if view.final is not None:
                segments.append(self._project(self._pool(view.final)))
            segments += [self._project(view.selected), "\n"]
        return [*segments, suspicion_phrase(suspicion), self._project(global_token), "\n"]

    def embed_prompt(
        self, pictures: Sequence[Segment], facts: str, question: str, history: Sequence[Turn] = (), begun: str = ""
    ) -> Tensor:
        """Return the input embeddings (n, D) of a conversation up to where the answer, or the rest of it, belongs."""
        before, after = chatml(question, history, SYSTEM)
        return self._embed([before, *pictures, facts, after, begun])

    def loss(self, pictures: Sequence[Segment], facts: str, turns: Sequence[Turn]) -> Tensor:
        """Return the mean cross-entropy of all answers of one conversation, given what stands before each."""
        before, after = chatml(turns[0].question, (), SYSTEM)
        parts: list[tuple[list[Segment], bool]] = [([before, *pictures, facts, after], False)]
        for number, turn in enumerate(turns):
            if number:
                following = f"\n<|im_start|>user\n{plain(turn.question)}<|im_end|>\n<|im_start|>assistant\n"
                parts.append(([following], False))
            parts.append(([f"{plain(turn.answer)}<|im_end|>"], True))
        embedded, labels = [], []
        for segments, learnt in parts:
            sequence = self._embed(segments)
            embedded.append(sequence)
            if learnt:
                ids = self.tokenizer("".join(map(str, segments)), add_special_tokens=False, return_tensors="pt")
                labels.append(ids["input_ids"][0].to(sequence.device))
            else:
                labels.append(torch.full((len(sequence),), IGNORED, device=sequence.device))
        wanted = torch.cat(labels)[1:]
        learnt_at = (wanted != IGNORED).nonzero()[:, 0]
        # The vocabulary is most of a small model's work: logits are computed where an answer stands, and nowhere else.
        output = self.llm(inputs_embeds=torch.cat(embedded)[None], logits_to_keep=learnt_at, use_cache=False)
        return F.cross_entropy(output.logits[0].float(), wanted[learnt_at])

    def save(self, path: Path, steps: int, revision: str) -> None:
        """Write projector and adapter, in half precision, as one safetensors file."""
        from peft import get_peft_model_state_dict
        from safetensors.torch import save_file

        config = replace(self.config, steps=steps, revision=revision)
        tensors = {f"projector.{name}": tensor for name, tensor in self.projector.state_dict().items()}
        tensors |= {f"lora.{name}": tensor for name, tensor in get_peft_model_state_dict(self.llm).items()}
        with atomic_path(path) as temporary:
            save_file(
                {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in tensors.items()},
                temporary,
                metadata={METADATA: json.dumps(asdict(config))},
            )

    @classmethod
    def load(cls, path: Path, llm: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> EmbeddedModel:
        """Load a trained projector and adapter onto their language model, and merge the adapter into it.

        Raises
        ------
        WeightsError
            The file is missing, damaged, untrained, or of another language model.
        """
        from peft import set_peft_model_state_dict

        config, tensors = _read(path)
        model = cls(llm, tokenizer, config)
        try:
            model.projector.load_state_dict({name: t.float() for name, t in _part(tensors, "projector.").items()})
            lora = _part(tensors, "lora.")
            expected = sum(".lora_" in name for name, _ in model.llm.named_parameters())
            outcome: Any = set_peft_model_state_dict(model.llm, lora)
            if outcome.unexpected_keys or len(lora) != expected:
                raise KeyError(f"{len(lora)} adapter tensors, {expected} are needed")
        except (RuntimeError, KeyError) as error:
            reason = str(error).partition("\n")[0]
            raise WeightsError(f"{path} does not fit {config.llm} ({reason}); train it again") from error
        model.llm = model.llm.merge_and_unload()
        return model.eval()

    def _project(self, tokens: Tensor) -> Tensor:
        projected: Tensor = self.projector(tokens.to(next(self.projector.parameters())))
        return projected

    def _pool(self, final: Tensor) -> Tensor:
        side = round(final.shape[0] ** 0.5)
        grid = final.transpose(0, 1).reshape(1, -1, side, side)
        return F.adaptive_avg_pool2d(grid, self.config.base_grid)[0].flatten(1).transpose(0, 1)

    def _embed(self, segments: Sequence[Segment]) -> Tensor:
        return embed(segments, self.tokenizer, self.llm.get_input_embeddings())


def _read(path: Path) -> tuple[EmbeddedConfig, dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"the embedded reasoner's weights {path} are missing; run `looktwice train reasoner`")
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})[METADATA])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        config = EmbeddedConfig(**{**settings, "lora_targets": tuple(settings["lora_targets"])})
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is not a reasoner written by looktwice ({type(error).__name__})") from error
    if config.steps < 1:
        raise WeightsError(f"{path} has not been trained; run `looktwice train reasoner`")
    return config, tensors


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
