"""What calibration does not cover gets no verdict, unless the user gives something to judge by."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from looktwice.core.calibration import Calibration
from looktwice.core.finding import Finding
from looktwice.evidence.base import Context
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.self_reference import covers

from ..made_studies import make_result

CONFIG = ExpertConfig("tiny", {}, 16, (), calibration={"tissue": Calibration(), "volume": Calibration()})


def context(config: ExpertConfig = CONFIG, **changes) -> Context:
    return replace(Context(SimpleNamespace(config=config)), **changes)


@pytest.fixture
def volume(make_volume):
    return make_volume()


def test_a_volume_whose_tissue_was_not_judged_is_not_covered(volume):
    assert not covers(volume.study, context())
    assert covers(volume.study, context(findings=(Finding("tissue", 0.1),)))


def test_references_a_cohort_and_a_sites_calibration_cover_it(volume):
    assert covers(volume.study, context(references=SimpleNamespace()))
    assert covers(volume.study, context(cohort=SimpleNamespace()))
    assert covers(volume.study, context(replace(CONFIG, calibrated_on_site=("volume",))))
    assert not covers(volume.study, context(replace(CONFIG, calibrated_on_site=("image",))))


def test_photographs_are_not_concerned(photograph):
    assert covers(photograph.study, context())


def test_a_result_without_verdict_says_so(volume):
    result = make_result(
        volume.study,
        volume.result.heatmap,
        volume.pictures,
        covered=False,
        doubt="No verdict: not covered.",
        regions=[],
    )
    said = result.to_json()

    assert said["verdict"] is None
    assert result.verdict_in_words == "no verdict"
    assert result.answer is not None
    assert result.answer.text.startswith("No verdict: the score")
