"""The reason of the namer classifier, worded by a language model that is held to what was measured."""

from __future__ import annotations

import pytest

from looktwice.classification.namers.measured import MeasuredNamer
from looktwice.classification.namers.worded import WordedNamer, says_only

PHRASES = ["dark", "elongated", "1.2 % of the picture", "8.4 times as long as wide", "darker than its surroundings"]


@pytest.mark.parametrize(
    "text",
    [
        "It is a crack: the region is elongated and dark.",
        "The region is a crack, which is dark, 8.4 times as long as wide and darker than its surroundings.",
        "The crack is elongated, with 1.2 % of the picture.",
    ],
)
def test_what_was_measured_may_be_said_in_any_order(text):
    assert says_only(text, "crack", PHRASES)


@pytest.mark.parametrize(
    "text",
    [
        "It is a scratch: the region is dark.",  # another class
        "It is a crack.",  # no reason
        "It is a crack: the region is bright.",  # the opposite
        "It is a crack: the region is not dark.",
        "It is a crack: the region is dark, 9.4 times as long as wide.",  # another figure
        "It is a crack: the region is dark, 11.2 % of the picture.",
        "It is a crack: dark, and its surroundings are darker than the region.",  # turned round
        "It is a crack: the region is dark because of a fall.",  # more than was measured
        "It is a crack: the region is dark",  # cut off
        "",
    ],
)
def test_anything_else_is_refused(text):
    assert not says_only(text, "crack", PHRASES)


def test_the_templates_reason_stays_where_the_sentence_is_refused(inspector, taxonomy, parts):
    namer = MeasuredNamer(inspector.expert.encoder, taxonomy)
    plain = namer.identify(parts.anomaly(10))
    asked = []

    def write(text):
        def writer(notes):
            asked.append(notes)
            return text, {"prompt": 90, "answer": 12}

        return WordedNamer(namer, writer).identify(parts.anomaly(10))

    good = write("It is a pit: the region is dark.")
    assert (good.key, good.why, good.worded_by) == ("pit", "It is a pit: the region is dark.", "smollm2")
    assert good.probabilities == plain.probabilities
    assert good.tokens == {"prompt": 90, "answer": 12}
    wrong = write("It is a bright blob: the region is bright.")
    assert (wrong.key, wrong.why, wrong.worded_by) == ("pit", plain.why, "template")
    assert asked[0].startswith("kind: pit; seen: dark; measured: ")
    assert "darker than its surroundings" in asked[0]


def test_what_is_unknown_is_not_worded(inspector, taxonomy, parts):
    same = {key: entry.model_copy(update={"traits": ()}) for key, entry in taxonomy.classes.items()}
    namer = MeasuredNamer(inspector.expert.encoder, taxonomy.model_copy(update={"classes": same}))
    naming = WordedNamer(namer, lambda notes: pytest.fail("nothing to word")).identify(parts.anomaly(10))
    assert naming.is_unknown
    assert naming.worded_by is None
