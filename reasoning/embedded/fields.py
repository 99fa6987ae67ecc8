"""The structured fields of an answer, read off a language model's probabilities before it writes a word.

The model is asked for verdict, place, kind and extent in one line of fixed form. At each field only the possible
values compete. Verdict, place and extent are the evidence's; how likely the model finds them is told. The kind, which
the evidence does not say, is the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from looktwice.core.wording.extent import EXTENTS
from looktwice.core.wording.kinds import KINDS, UNCLEAR
from looktwice.core.wording.place import PLACES
from looktwice.reasoning.grounding.facts import Facts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

QUESTION = "State verdict, place, kind and extent."
NONE = "none"
SPREAD = "spread"
"""The place of an anomaly where none stands out."""

VERDICTS = ("yes", "no", "unsure")
OPTIONS = {
    "verdict": VERDICTS,
    "where": (*PLACES, SPREAD, NONE),
    "what": (*KINDS, UNCLEAR, NONE),
    "extent": (*EXTENTS, NONE),
}
"""What competes for each field, in the order of the line."""

SEPARATOR, END = ";", "<|im_end|>"

LEAST_PROBABILITY = 0.4
"""A kind that the model finds less likely is not named."""


@dataclass(frozen=True)
class Choice:
    """The value of one field.

    Attributes
    ----------
    value : str
    probability : float
        Of the value among its options, in [0, 1].
    agreed : bool
        Whether the model itself would have written it.

    Examples
    --------
    >>> named_kind(Choice("scratch", probability=0.8, agreed=True))
    'scratch'
    >>> named_kind(Choice("scratch", probability=0.2, agreed=True))  # too unlikely to be named
    'unclear'
    """

    value: str
    probability: float
    agreed: bool


def line_of(values: Sequence[str]) -> str:
    """Return the line that states the fields: "yes; top left; scratch; small"."""
    return f"{SEPARATOR} ".join(values)


def settled(facts: Facts) -> dict[str, str]:
    """Return the fields that the evidence decides; the kind is one of them only where there is nothing to name."""
    verdict = "unsure" if facts.unsure else "yes" if facts.verdict == "anomalous" else "no"
    if facts.verdict == "normal":
        return {"verdict": verdict, "where": NONE, "what": NONE, "extent": NONE}
    return {"verdict": verdict, "where": facts.where or SPREAD, "extent": facts.extent or NONE}


@torch.inference_mode()
def read_fields(
    llm: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: Tensor, facts: Facts
) -> dict[str, Choice]:
    """Read the fields off the model.

    Parameters
    ----------
    llm : PreTrainedModel
    tokenizer : PreTrainedTokenizerBase
    prompt : Tensor, shape (n, D)
        Input embeddings that end where the line belongs.
    facts : Facts

    Returns
    -------
    dict of str to Choice
        By the names of ``OPTIONS``.
    """
    walk = _Walk(llm, prompt)
    fixed = settled(facts)
    choices = {}
    for number, (name, options) in enumerate(OPTIONS.items()):
        if name == "what" and name not in fixed:
            options = tuple(option for option in options if option != NONE)
        before, after = " " if number else "", END if number == len(OPTIONS) - 1 else SEPARATOR
        spelled = {
            option: tokenizer(f"{before}{option}{after}", add_special_tokens=False)["input_ids"] for option in options
        }
        choices[name] = walk.choose(spelled, fixed.get(name))
    return choices


def named_kind(choice: Choice) -> str | None:
    """Return the kind to name; ``UNCLEAR`` where none is likely enough, None where there is nothing to name."""
    if choice.value == NONE:
        return None
    return choice.value if choice.probability >= LEAST_PROBABILITY else UNCLEAR


class _Walk:
    """Steps through a line token by token, with the model's cache."""

    def __init__(self, llm: Any, prompt: Tensor) -> None:
        self.llm = llm
        output = llm(inputs_embeds=prompt[None], use_cache=True, logits_to_keep=1)
        self.cache, self.logits = output.past_key_values, output.logits[0, -1]

    def choose(self, spelled: dict[str, list[int]], fixed: str | None) -> Choice:
        """Choose among options, or follow the fixed one; all the tokens of the choice are then behind the walk."""
        left, probability, agreed, at = dict(spelled), 1.0, True, 0
        while True:
            following = sorted({ids[at] for ids in left.values()})
            shares = self.logits[following].float().softmax(dim=0)
            likeliest = following[int(shares.argmax())]
            token = likeliest if fixed is None else spelled[fixed][at]
            probability *= float(shares[following.index(token)])
            agreed &= token == likeliest
            left = {option: ids for option, ids in left.items() if ids[at] == token}
            self._step(token)
            at += 1
            ended = [option for option, ids in left.items() if len(ids) == at]
            if ended:
                return Choice(ended[0], probability, agreed)

    def _step(self, token: int) -> None:
        ids = torch.tensor([[token]], device=self.logits.device)
        output = self.llm(input_ids=ids, past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        self.cache, self.logits = output.past_key_values, output.logits[0, -1]
