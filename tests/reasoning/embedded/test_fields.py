from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from looktwice.reasoning.embedded.fields import OPTIONS, Choice, line_of, named_kind, read_fields, settled
from looktwice.reasoning.grounding.facts import Facts

ANOMALOUS = Facts("anomalous", False, 0.9, 0.5, "highly", where="top left", extent="small")


class Scripted:
    """A language model whose next token is always that of a given line, unless it has been led away from it."""

    def __init__(self, tokenizer, line: str) -> None:
        self.ids = tokenizer(f"{line}<|im_end|>")["input_ids"]
        self.at = 0
        self.seen: list[int] = []

    def __call__(self, inputs_embeds=None, input_ids=None, past_key_values=None, **_):
        if input_ids is not None:
            self.seen.append(int(input_ids[0, 0]))
            self.at = len(self.seen)
        logits = torch.zeros(1, 1, 400)
        if self.at < len(self.ids):
            logits[0, 0, self.ids[self.at]] = 4.0
        return SimpleNamespace(logits=logits, past_key_values=past_key_values)


def read(tokenizer, line: str, facts: Facts) -> tuple[dict[str, Choice], Scripted]:
    llm = Scripted(tokenizer, line)
    return read_fields(llm, tokenizer, torch.zeros(3, 4), facts), llm


def test_a_line_that_agrees_with_the_evidence_is_read_as_it_is(tiny_processor):
    line = "yes; top left; scratch; small"
    fields, llm = read(tiny_processor.tokenizer, line, ANOMALOUS)
    assert line_of([choice.value for choice in fields.values()]) == line
    assert all(choice.agreed for choice in fields.values())
    assert all(choice.probability > 0.5 for choice in fields.values())
    assert llm.seen == llm.ids


def test_the_evidence_decides_and_dissent_is_told(tiny_processor):
    fields, llm = read(tiny_processor.tokenizer, "no; bottom left; stain; large", ANOMALOUS)
    assert [fields[name].value for name in ("verdict", "where", "extent")] == ["yes", "top left", "small"]
    assert not fields["verdict"].agreed
    assert fields["verdict"].probability < 0.5
    assert tiny_processor.tokenizer.decode(llm.seen).startswith("yes; top left; ")


def test_a_place_is_told_from_a_longer_one_that_begins_alike(tiny_processor):
    for place in ("top", "top right"):
        fields, _ = read(tiny_processor.tokenizer, f"yes; {place}; crack; tiny", replace(ANOMALOUS, where=place))
        assert (fields["where"].value, fields["where"].agreed) == (place, True)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ANOMALOUS, {"verdict": "yes", "where": "top left", "extent": "small"}),
        (replace(ANOMALOUS, where=None), {"verdict": "yes", "where": "spread", "extent": "small"}),
        (replace(ANOMALOUS, unsure=True), {"verdict": "unsure", "where": "top left", "extent": "small"}),
        (
            Facts("normal", False, 0.1, 0.5, "slightly"),
            {"verdict": "no", "where": "none", "what": "none", "extent": "none"},
        ),
    ],
)
def test_what_the_evidence_settles(facts, expected):
    assert settled(facts) == expected
    assert all(value in OPTIONS[name] for name, value in expected.items())


def test_a_kind_is_named_only_if_it_is_likely():
    assert named_kind(Choice("scratch", 0.8, True)) == "scratch"
    assert named_kind(Choice("scratch", 0.2, True)) == "unclear"
    assert named_kind(Choice("none", 1.0, True)) is None
