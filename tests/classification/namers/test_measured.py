from __future__ import annotations

import pytest

from looktwice.classification.namers import open_namer
from looktwice.classification.namers.measured import MeasuredNamer
from looktwice.core.errors import UsageError


def test_without_examples_the_words_of_the_taxonomy_decide(inspector, taxonomy, parts):
    namer = MeasuredNamer(inspector.expert.encoder, taxonomy)
    assert namer.identify(parts.anomaly(10)).key == "pit"
    bright = namer.identify(parts.anomaly(240))
    assert (bright.key, bright.why) == ("blob", "the region is bright")
    assert sum(bright.probabilities.values()) == pytest.approx(1)


def test_where_nothing_tells_classes_apart_the_answer_is_unknown(inspector, taxonomy, parts):
    same = {key: entry.model_copy(update={"traits": ()}) for key, entry in taxonomy.classes.items()}
    blank = taxonomy.model_copy(update={"classes": same})
    naming = MeasuredNamer(inspector.expert.encoder, blank).identify(parts.anomaly(10))
    assert naming.is_unknown
    assert naming.confidence == pytest.approx(0.5)


def test_examples_teach_what_the_words_do_not_say(inspector, taxonomy, parts):
    same = {key: entry.model_copy(update={"traits": ()}) for key, entry in taxonomy.classes.items()}
    blank = taxonomy.model_copy(update={"classes": same})
    given = {"pit": [parts.anomaly(10, 1)], "blob": [parts.anomaly(240, 2)]}
    namer = open_namer("measured", blank, inspector.expert.encoder, examples=given)
    found = namer.identify(parts.anomaly(20, 3))
    assert found.key == "pit"
    assert "the 1 example of pit" in found.why
    assert namer.identify(parts.anomaly(230, 4)).key == "blob"


def test_examples_must_be_of_the_taxonomys_classes_and_of_two_of_them(inspector, taxonomy, parts):
    for given, message in (({"dent": [parts.anomaly(10)]}, "dent"), ({"pit": [parts.anomaly(10)]}, "one class")):
        with pytest.raises(UsageError, match=message):
            open_namer("measured", taxonomy, inspector.expert.encoder, examples=given)
