from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from looktwice.core.errors import LookTwiceError
from looktwice.reasoning.generation import LEAST_LOOP, generate, loop_period, without_loop


def test_an_endless_repetition_is_cut_to_its_first_occurrence():
    sentence = [5, 6, 7, 8]
    assert without_loop([1, 2, 3, *sentence * 10]) == [1, 2, 3, *sentence]
    assert without_loop([9] * LEAST_LOOP) == [9]


def test_what_a_person_may_write_is_kept():
    for text in ([1, 2, 3] * 3, [1, 1, 1, 1, 2], list(range(200))):
        assert without_loop(text) == text


@given(st.lists(st.integers(0, 5), max_size=20), st.lists(st.integers(0, 5), min_size=1, max_size=10))
def test_a_loop_is_found_whatever_stands_before_it(before, piece):
    text = before + piece * (LEAST_LOOP + 4)
    assert loop_period(text) is not None
    kept = without_loop(text)
    assert kept == text[: len(kept)]
    assert len(kept) <= len(before) + len(piece)


def test_looping_generation_stops_and_says_so(tiny_model, tiny_processor):
    """A model that predicts one letter for ever would write it until the longest answer is reached."""
    tokenizer = tiny_processor.tokenizer
    letter = tokenizer("a")["input_ids"][0]
    steps = 0

    class OneLetter(torch.nn.Module):
        def forward(self, hidden):
            nonlocal steps
            steps += 1
            logits = torch.zeros(*hidden.shape[:-1], 320)
            logits[..., letter] = 1.0
            return logits

    head = tiny_model.lm_head
    try:
        tiny_model.lm_head = OneLetter()
        [generated] = generate(tiny_model, tokenizer, [torch.ones(3, 32)], max_new_tokens=500)
    finally:
        tiny_model.lm_head = head
    assert generated.cut == "loop"
    assert generated.text == "a"
    assert steps < 50


def test_a_full_length_answer_says_that_it_was_cut(tiny_model, tiny_processor):
    torch.manual_seed(0)
    [generated] = generate(tiny_model, tiny_processor.tokenizer, [torch.randn(3, 32)], max_new_tokens=3)
    assert generated.cut == "length"


def test_out_of_memory_names_a_smaller_setting(tiny_model, tiny_processor, monkeypatch):
    def no_memory(**_options):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(tiny_model, "generate", no_memory)
    with pytest.raises(LookTwiceError, match="--max-visual-tokens"):
        generate(tiny_model, tiny_processor.tokenizer, [torch.zeros(3, 32)], max_new_tokens=3)
