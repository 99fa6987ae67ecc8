"""Studies beside others: counted in deviations of what is normal here, whatever the unit."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.errors import UsageError
from looktwice.evidence.comparisons.studies import StudyCohort, StudyReferences

PLACES = 4000
ODD = slice(100, 140)


class Rows:
    """Compares rows of numbers; a study is what `source` says."""

    clears, judges_alone = True, False

    def describe(self, study):
        return study.row

    def distances(self, one, others, mutual):
        middle = np.median(others, axis=0) if mutual else np.mean(others, axis=0)
        return np.log1p(np.abs(one - middle)).astype(np.float32)

    def places(self, study, logits):
        return logits


class Row:
    def __init__(self, row, name="row"):
        self.row, self.key = row, name


def row(seed: int, odd: bool = False, unit: float = 1.0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, 1, PLACES)
    values[ODD] += 12 * odd
    return unit * values


@pytest.fixture(params=["references", "cohort"])
def compare(request):
    """Compare a row with eight normal ones, or in a cohort of them and one more odd one."""

    def compared(values):
        if request.param == "references":
            return StudyReferences(Rows(), [row(seed) for seed in range(8)]).compare(Row(values))
        members = {str(seed): row(seed, odd=seed == 3) for seed in range(9)} | {"row": values}
        return StudyCohort(Rows(), members).compare(Row(values))

    compared.name = request.param
    return compared


def test_what_others_do_not_have_is_found(compare):
    found = compare(row(50, odd=True))
    assert found.name == compare.name
    assert found.logit > 0.5
    assert found.heat.values[ODD].min() > np.quantile(np.delete(found.heat.values, np.arange(100, 140)), 0.999)


def test_what_is_like_the_others_is_not(compare):
    found = compare(row(51))
    assert found.logit < -0.5
    assert np.mean(found.heat.values > 0) < 0.01


def test_places_that_were_not_measured_say_nothing(compare):
    values = row(52)
    values[:1000] = np.nan
    found = compare(values)
    assert (found.heat.values[:1000] == 0).all()
    assert found.logit == pytest.approx(compare(row(52)).logit, abs=1.0)


def test_too_few_to_compare_with_is_said():
    with pytest.raises(UsageError, match="at least 3 references"):
        StudyReferences(Rows(), [row(0), row(1)])
    with pytest.raises(UsageError, match="at least 3"):
        StudyCohort(Rows(), {"a": row(0), "b": row(1)})


def test_a_stranger_to_the_cohort_is_not_compared():
    cohort = StudyCohort(Rows(), {str(seed): row(seed) for seed in range(3)})
    assert cohort.compare(Row(row(9), "elsewhere")) is None
