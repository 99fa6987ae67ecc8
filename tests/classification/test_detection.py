from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from looktwice.classification.anomaly import Contours
from looktwice.classification.detection import Detector
from looktwice.classification.examples import detect_in_examples
from looktwice.classification.learned_flaws import OutlinedExample
from looktwice.classification.namers import open_namer
from looktwice.core.errors import InputError, UsageError
from looktwice.datasets.masks import read_mask

PLACES = [(16, 16), (40, 24), (30, 48)]


def test_detection_finds_the_flaw_and_oracle_contours_are_named_so(inspector, plates, parts):
    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    path = plates / "test" / "pit" / "001.png"
    predicted = detector.detect(path).anomaly()
    assert predicted.contours is Contours.PREDICTED
    truth = parts.disc((25, 24))
    assert (predicted.views[0].mask & truth).any()
    oracle = detector.detect(path).anomaly(truth)
    assert oracle.contours is Contours.ORACLE
    assert (oracle.views[0].mask == truth).all()
    with pytest.raises(InputError, match="mask is empty or of another size"):
        detector.detect(path).anomaly(np.ones((3, 3), bool))


def test_references_of_another_object_are_noticed(inspector, plates, tmp_path):
    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    rows, columns = np.ogrid[:64, :64]
    checks = np.where((rows // 4 + columns // 4) % 2, 255, 0).astype(np.uint8)
    Image.fromarray(checks).save(tmp_path / "board.png")
    found = detector.detect(tmp_path / "board.png")
    assert found.another_object
    assert "looks unlike every reference" in found.notes[0]
    assert not detector.detect(plates / "test" / "good" / "000.png").another_object


def test_references_are_checked(inspector, plates, tmp_path):
    one = sorted((plates / "train" / "good").iterdir())[:1]
    with pytest.raises(UsageError, match="at least two photographs"):
        Detector(inspector, one)
    (tmp_path / "empty.png").touch()
    with pytest.raises(UsageError, match=r"reference .*empty"):
        Detector(inspector, [*one, tmp_path / "empty.png"])


def test_examples_name_what_the_detector_finds(inspector, taxonomy, plates):
    """Also where words do not tell the kinds apart; ground truth's contours are named by their own regions."""
    same = {key: entry.model_copy(update={"traits": ()}) for key, entry in taxonomy.classes.items()}
    blank = taxonomy.model_copy(update={"classes": same})
    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    paths = {kind: sorted((plates / "test" / kind).iterdir()) for kind in ("pit", "blob")}
    masks = {
        path: plates / "ground_truth" / kind / f"{path.stem}_mask.png"
        for kind, group in paths.items()
        for path in group
    }
    shown = {kind: [(path, masks[path]) for path in group[:2]] for kind, group in paths.items()}
    anomalies, flaws, _ = detect_in_examples(detector.detect, shown)
    detector.learn(flaws)
    namer = open_namer("measured", blank, inspector.expert.encoder, examples=anomalies)
    for kind, group in paths.items():
        found = detector.detect(group[3]).anomaly(certain=True)
        assert set(found.likely) == {"pit", "blob"}
        assert namer.identify(found).key == kind
        assert detector.detect(group[3]).anomaly(read_mask(masks[group[3]])).likely == {}


def test_a_detector_looks_for_what_it_was_taught(inspector, plates, parts):
    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    path = sorted((plates / "test" / "pit").iterdir())[0]
    before = detector.detect(path)
    detector.learn([OutlinedExample(parts.plate(70 + n, 10, at), parts.disc(at), "pit") for n, at in enumerate(PLACES)])
    after = detector.detect(path)
    assert after.score >= before.score
    assert after.score > 0.5
    truth = read_mask(plates / "ground_truth" / "pit" / f"{path.stem}_mask.png")
    mask = after.anomaly().views[0].mask
    assert (mask & truth).sum() / (mask | truth).sum() > 0.2
