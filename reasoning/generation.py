"""Greedy generation that ends: loops are cut, empty answers and missing memory are said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import StoppingCriteria, StoppingCriteriaList, TextStreamer

from looktwice.core.errors import LookTwiceError
from looktwice.reasoning.base import TextSink
from looktwice.reasoning.prompt_embedding import left_pad

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LONGEST_PERIOD = 40
LEAST_REPEATS = 4
LEAST_LOOP = 24


@dataclass(frozen=True)
class Generated:
    """A text, and whether it was cut short.

    Attributes
    ----------
    text : str
    cut : {"loop", "length"} or None
        It repeated itself without end, or reached the longest length allowed.

    Examples
    --------
    >>> Generated("It is bright and", cut="length").cut  # the sentence is not whole
    'length'
    """

    text: str
    cut: str | None = None


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Tensor],
    max_new_tokens: int,
    on_text: TextSink | None = None,
    stop: Callable[[], bool] | None = None,
    temperature: float = 0.0,
) -> list[Generated]:
    """Continue prompts, greedily unless a temperature is given.

    Parameters
    ----------
    model : PreTrainedModel
        With ``generate(inputs_embeds=...)``.
    tokenizer : PreTrainedTokenizerBase
    prompts : sequence of Tensor, each of shape (n_i, D)
        Input embeddings.
    max_new_tokens : int
    on_text : callable, optional
        Takes the text while it is written; for a single prompt only.
    stop : callable, optional
        Asked after each token; generation ends when it says True.
    temperature : float
        Above 0, tokens are sampled; torch's generator decides which.

    Raises
    ------
    LookTwiceError
        The device's memory does not hold the model and these prompts.
    """
    embeddings, mask = left_pad(prompts)
    streamer = Streamer(tokenizer, on_text) if on_text is not None and len(prompts) == 1 else None
    ends = end_ids(model, tokenizer)
    continue_prompt: Any = model.generate
    try:
        ids = continue_prompt(
            inputs_embeds=embeddings,
            attention_mask=mask,
            max_new_tokens=max_new_tokens,
            do_sample=temperature > 0,
            # Released generation settings hold sampling parameters, which greedy decoding would warn about.
            temperature=temperature or None,
            top_p=None,
            top_k=None,
            eos_token_id=sorted(ends),
            pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends),
            stopping_criteria=StoppingCriteriaList([LoopStop(ends, stop)]),
            streamer=streamer,
        )
    except torch.OutOfMemoryError as error:
        raise LookTwiceError(
            f"out of memory on {model.device} with a prompt of {embeddings.shape[1]} tokens; halve "
            "--max-visual-tokens, or try --llm onevision-7b:4bit, or onevision-0.5b"
        ) from error
    return [_finish(row, ends, max_new_tokens, tokenizer) for row in ids.tolist()]


def end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Return every token that ends an answer, by the model's generation settings and by its tokenizer."""
    configured = model.generation_config.eos_token_id if model.generation_config is not None else None
    ends = set(configured) if isinstance(configured, list) else {configured}
    ends |= {tokenizer.eos_token_id, tokenizer.get_vocab().get("<|im_end|>")}
    return {token for token in ends if token is not None}


def _finish(ids: list[int], ends: set[int], limit: int, tokenizer: PreTrainedTokenizerBase) -> Generated:
    stop = next((position for position, token in enumerate(ids) if token in ends), None)
    written = ids[:stop]
    kept = without_loop(written)
    text = str(tokenizer.decode(kept, skip_special_tokens=True)).strip()
    if len(kept) < len(written):
        return Generated(text, "loop")
    return Generated(text, "length" if stop is None and len(written) >= limit else None)


def loop_period(ids: Sequence[int]) -> int | None:
    """Return after how many tokens the end of a text repeats itself, or None while it does not.

    It does when its last tokens are one piece of at most ``LONGEST_PERIOD`` tokens, at least ``LEAST_REPEATS`` times
    over and at least ``LEAST_LOOP`` tokens long.
    """
    for period in range(1, LONGEST_PERIOD + 1):
        length = max(period * LEAST_REPEATS, LEAST_LOOP)
        tail = ids[-length:]
        if len(tail) == length and tail[period:] == tail[:-period]:
            return period
    return None


def without_loop(ids: list[int]) -> list[int]:
    """Return the tokens with an endless repetition at the end cut down to its first occurrence."""
    period = loop_period(ids)
    if period is None:
        return ids
    start = len(ids) - period
    while start >= period and ids[start - period : start] == ids[start : start + period]:
        start -= period
    return ids[: start + period]


class LoopStop(StoppingCriteria):
    """Stops a sequence that has begun to repeat itself, has ended, or is told to.

    Examples
    --------
    >>> stop = LoopStop(ends={2})
    >>> ids = torch.tensor([[*range(10, 40)], [*range(10, 39), 2], [7] * 30])
    >>> stop(ids, None).tolist()  # goes on, has ended, repeats itself
    [False, True, True]
    """

    def __init__(self, ends: set[int], stop: Callable[[], bool] | None = None) -> None:
        self.ends = ends
        self.stop = stop or (lambda: False)

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Return, for each sequence (B,), whether it is to stop."""
        told = self.stop()
        stops = [
            told or not self.ends.isdisjoint(row) or loop_period(row) is not None
            for row in input_ids[:, -LONGEST_PERIOD * LEAST_REPEATS :].tolist()
        ]
        return torch.tensor(stops, device=input_ids.device)


class Streamer(TextStreamer):
    """Hands on each piece of text as soon as the tokenizer can write it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> tokens, pieces = ["Where? ", "A ", "scrat", "ch."], []
    >>> tokenizer = SimpleNamespace(decode=lambda ids, **_: "".join(tokens[id] for id in ids))
    >>> streamer = Streamer(tokenizer, pieces.append)
    >>> for id in range(4):  # the first is the prompt, which is not handed on
    ...     streamer.put(torch.tensor([id]))
    >>> streamer.end()
    >>> "".join(pieces)
    'A scratch.'
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, sink: TextSink) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.sink = sink

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Pass a piece on."""
        if text:
            self.sink(text)
