"""The inspector at its door: anything in, in order, and what cannot be used does not stop the rest."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import looktwice
from looktwice.core.errors import InputError, UsageError

from .made_plates import inspector, parts, plates, taxonomy  # noqa: F401 - fixtures


def test_inputs_of_any_form_come_back_in_order(inspector, parts, tmp_path):  # noqa: F811
    array = parts.plate(1)
    path = tmp_path / "plate.png"
    Image.fromarray(array).save(path)
    inputs = [array, str(path), tmp_path / "missing.png", Image.fromarray(array), path]
    results = list(inspector.inspect_many(inputs, explain=False))
    assert [type(one) for one in results] == [looktwice.Result] * 2 + [looktwice.Failure] + [looktwice.Result] * 2
    assert "no such file" in results[2].to_json()["error"]
    scores = [one.score for one in results if isinstance(one, looktwice.Result)]
    np.testing.assert_allclose(scores, scores[0], atol=1e-5)
    studies = [one.study for one in results if isinstance(one, looktwice.Result) and one.source == path]
    assert len(studies[0]) == len("plate-") + 8
    assert [one.study for one in results if isinstance(one, looktwice.Result)] == [
        "array",
        studies[0],
        "image",
        studies[0],
    ]


def test_inputs_are_opened_as_they_are_needed(inspector, parts):  # noqa: F811
    taken = []

    def pictures():
        for seed in range(20):
            taken.append(seed)
            yield parts.plate(seed)

    results = inspector.inspect_many(pictures(), explain=False)
    next(results)
    assert len(taken) < 10


def test_a_cohort_of_arrays_finds_the_odd_one(inspector, parts, tmp_path):  # noqa: F811
    arrays = [parts.plate(seed, 10 if seed == 3 else None) for seed in range(8)]
    compared = looktwice.Inspector(str(tmp_path / "silent.safetensors"), device="cpu", llm="template", cohort=arrays)
    scores = [one.score for one in compared.inspect_many(arrays, explain=False)]
    assert int(np.argmax(scores)) == 3


def test_what_an_inspector_compares_with_is_checked_when_it_is_made(inspector, plates, tmp_path):  # noqa: F811
    model, good = str(tmp_path / "silent.safetensors"), plates / "train" / "good"
    with pytest.raises(UsageError, match="not both"):
        looktwice.Inspector(model, references=good, cohort=good)
    with pytest.raises(UsageError, match="no such file"):
        looktwice.Inspector(model, references=tmp_path / "nothing")
    with pytest.raises(UsageError, match="no option 'wndow'"):
        looktwice.Inspector(model, options={"wndow": "bone"}).inspect(np.zeros((8, 8), np.uint8))
    with pytest.raises(InputError, match="nothing to inspect"):
        inspector.inspect(np.zeros((8, 8), np.uint8))


def test_one_default_explains_in_python_and_on_the_command_line(monkeypatch):
    asked = []
    monkeypatch.setattr("looktwice.pipeline.open_reasoner", lambda name, *_, **__: asked.append(name))
    looktwice.Inspector("nano", device="cpu")
    from looktwice.models import default_reasoner

    assert asked == [default_reasoner("nano")] == ["auto"]


def test_the_top_level_offers_what_it_says():
    assert set(looktwice.__all__) <= set(dir(looktwice))
    assert looktwice.open(np.tile(np.arange(32, dtype=np.uint8), (24, 1))).modality == "image"
