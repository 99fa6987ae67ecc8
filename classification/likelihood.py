"""How likely a language model is to answer each of a few names, and what follows from it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from looktwice.classification.taxonomy import UNKNOWN

NAMES_AT_ONCE = 8
"""The prompt's cache is copied for so many names at a time."""


@dataclass(frozen=True, eq=False)
class Prompted:
    """A language model that has read a prompt, up to where the answer belongs.

    Attributes
    ----------
    model : PreTrainedModel
    cache : transformers.Cache
        Keys and values of the prompt, for a batch of one.
    logits : Tensor, shape (V,)
        Of the answer's first token.
    length : int
        Tokens of the prompt, those of pictures included.

    Examples
    --------
    How a model would begin its answer, by three logits that stand for a model's whole vocabulary:

    >>> read = Prompted(model=None, cache=None, logits=torch.tensor([0.0, 3.0, 0.0]), length=12)
    >>> int(read.logits.argmax()), round(float(read.logits.softmax(0).max()), 2)
    (1, 0.91)
    """

    model: Any
    cache: Any
    logits: Tensor
    length: int


@dataclass(frozen=True)
class Likelihood:
    """How likely one answer is.

    Attributes
    ----------
    total : float
        Log-likelihood: the sum over the answer's tokens and the end of the turn.
    tokens : int
        How many these are.

    Examples
    --------
    >>> Likelihood(total=-3.0, tokens=2).mean
    -1.5
    >>> unseen = {"pit": Likelihood(-4.0, 2), "scratch": Likelihood(-4.0, 2), "unknown": Likelihood(-6.0, 2)}
    >>> shares = share_out({**unseen, "pit": Likelihood(-1.0, 2)}, unseen)
    >>> max(shares, key=shares.get), round(shares["pit"], 2)
    ('pit', 0.95)
    """

    total: float
    tokens: int

    @property
    def mean(self) -> float:
        """Log-likelihood per token."""
        return self.total / self.tokens


@torch.inference_mode()
def score_names(prompted: Prompted, spelled: Mapping[str, Sequence[int]], ends: set[int]) -> dict[str, Likelihood]:
    """Return how likely each name is as the whole of the answer.

    All names go on from the prompt's cache, some in one batch; what ends the turn counts as one token, whichever of
    `ends` it is, so that a name is not taken for the beginning of a longer one.

    Parameters
    ----------
    prompted : Prompted
    spelled : mapping
        Name to its token ids, at least one each.
    ends : set of int
        Tokens that end a turn.
    """
    names, stops = list(spelled), sorted(ends)
    found = {}
    for start in range(0, len(names), NAMES_AT_ONCE):
        some = names[start : start + NAMES_AT_ONCE]
        for name, logits in zip(some, _continue(prompted, [spelled[name] for name in some]), strict=True):
            shares = logits.float().log_softmax(dim=-1)
            ids = torch.tensor(list(spelled[name]), device=shares.device)
            written = shares[:-1].gather(1, ids[:, None]).sum()
            found[name] = Likelihood(float(written + shares[-1, stops].logsumexp(dim=0)), len(ids) + 1)
    return found


def _continue(prompted: Prompted, sequences: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return, for each sequence of n tokens, the logits (n + 1, V) of each of its tokens and of what follows it."""
    longest = max(map(len, sequences))
    # Filled up on the right: no token looks at what comes after it.
    padded = [[*ids, *[ids[-1]] * (longest - len(ids))] for ids in sequences]
    cache = copy.deepcopy(prompted.cache)
    cache.batch_repeat_interleave(len(sequences))
    device = prompted.logits.device
    output = prompted.model(input_ids=torch.tensor(padded, device=device), past_key_values=cache, use_cache=True)
    return [
        torch.cat([prompted.logits[None], row[: len(ids)].to(device)])
        for ids, row in zip(sequences, output.logits, strict=True)
    ]


def share_out(
    seen: Mapping[str, Likelihood], unseen: Mapping[str, Likelihood], unknown: str = UNKNOWN
) -> dict[str, float]:
    """Return how likely each name is among all, of what was seen and not of the names themselves.

    The log-likelihood per token, so that long names lose nothing; less what the same name is likelier than the others
    when nothing was shown (the prior of contextual calibration, Zhao et al. 2021, arXiv 2102.09690); times the mean
    number of tokens, which brings it back to the scale of whole answers. `unknown` keeps its likelihood as it is: that
    a model says so when it is shown nothing is no bias.

    Parameters
    ----------
    seen, unseen : mapping
        Name to likelihood, `unknown` among them: with the pictures, and with the same question alone.

    Returns
    -------
    dict
        Name to probability; they sum to 1.
    """
    names = list(seen)
    usual = np.mean([unseen[name].mean for name in names if name != unknown])
    prior = np.array([0.0 if name == unknown else unseen[name].mean - usual for name in names])
    length = np.mean([seen[name].tokens for name in names])
    logits = length * (np.array([seen[name].mean for name in names]) - prior)
    weights = np.exp(logits - logits.max())
    return dict(zip(names, map(float, weights / weights.sum()), strict=True))
