"""Where nothing is known of a material, the verdict is unsure, and everything says so."""

from __future__ import annotations

from dataclasses import replace

from looktwice.core.calibration import Calibration
from looktwice.evidence.materials import Materials
from looktwice.evidence.settings import DEFAULTS

from .made_plates import inspector, plates  # noqa: F401
from .made_studies import silence


def test_where_no_calibrated_material_is_similar_the_verdict_is_unsure(inspector, plates, tmp_path):  # noqa: F811
    """Until a site calibrates it, or says what the threshold is to be."""
    expert = inspector.expert
    expert.materials = Materials(("cloth",), expert.materials.descriptors.shape[1])
    expert.materials.descriptors.fill_(-1.0)
    silence(expert, logit=80.0)
    photographs = replace(DEFAULTS.photographs, least_similarity=0.9)
    expert.config = replace(expert.config, materials=("cloth",), settings=replace(DEFAULTS, photographs=photographs))
    picture = plates / "test" / "good" / "000.png"
    result = inspector.inspect(picture, out=tmp_path / "out")
    said = result.to_json()
    assert (said["verdict"], said["regions"], said["p_normal"]) == ("unsure", [], None)
    assert any("not calibrated" in note for note in said["notes"])
    assert said["explanation"].startswith("Unsure: the score")
    assert "unsure" in (tmp_path / "out" / result.study / "report.html").read_text(encoding="utf-8")
    assert inspector.inspect(picture, threshold=0.4).verdict == "anomalous"
    expert.config = replace(expert.config, calibration={"image": Calibration(score_shift=200.0)})
    assert inspector.inspect(picture).verdict == "normal"
