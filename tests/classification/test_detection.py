from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from looktwice.classification.anomaly import Contours
from looktwice.classification.examples import examine_examples
from looktwice.classification.namers import open_namer
from looktwice.core.errors import InputError, UsageError
from looktwice.datasets.masks import read_mask
from looktwice.evidence.comparisons.learned_flaws import OutlinedExample

from ..made_plates import detect

PLACES = [(16, 16), (40, 24), (30, 48)]


def test_detection_finds_the_flaw_and_oracle_contours_are_named_so(inspector, plates, parts):
    inspector = inspector.comparing_with(plates / "train" / "good")
    path = plates / "test" / "pit" / "001.png"
    predicted = detect(inspector, path).anomaly()
    assert predicted.contours is Contours.PREDICTED
    truth = parts.disc((25, 24))
    assert (predicted.views[0].mask & truth).any()
    oracle = detect(inspector, path).anomaly(truth)
    assert oracle.contours is Contours.ORACLE
    assert (oracle.views[0].mask == truth).all()
    with pytest.raises(InputError, match="mask is empty or differs in size"):
        detect(inspector, path).anomaly(np.ones((3, 3), bool))


def test_references_of_another_object_are_noticed(inspector, plates, tmp_path):
    inspector = inspector.comparing_with(plates / "train" / "good")
    rows, columns = np.ogrid[:64, :64]
    checks = np.where((rows // 4 + columns // 4) % 2, 255, 0).astype(np.uint8)
    Image.fromarray(checks).save(tmp_path / "board.png")
    found = detect(inspector, tmp_path / "board.png")
    assert found.another_object
    assert any("does not resemble any reference" in note for note in found.notes)
    assert not detect(inspector, plates / "test" / "good" / "000.png").another_object


def test_references_are_checked(inspector, plates, tmp_path):
    one = sorted((plates / "train" / "good").iterdir())[:1]
    with pytest.raises(UsageError, match="at least 2 references"):
        inspector.comparing_with(one)
    (tmp_path / "empty.png").touch()
    with pytest.raises(UsageError, match="empty"):
        inspector.comparing_with([*one, tmp_path / "empty.png"])


def test_examples_name_what_the_inspector_finds(inspector, taxonomy, plates):
    """Also where words do not tell the kinds apart; ground truth's contours are named by their own regions."""
    same = {key: entry.model_copy(update={"traits": ()}) for key, entry in taxonomy.classes.items()}
    blank = taxonomy.model_copy(update={"classes": same})
    inspector = inspector.comparing_with(plates / "train" / "good")
    paths = {kind: sorted((plates / "test" / kind).iterdir()) for kind in ("pit", "blob")}
    masks = {
        path: plates / "ground_truth" / kind / f"{path.stem}_mask.png"
        for kind, group in paths.items()
        for path in group
    }
    shown = {kind: [(path, masks[path]) for path in group[:2]] for kind, group in paths.items()}
    anomalies, flaws, _ = examine_examples(inspector, shown)
    inspector = inspector.with_examples(flaws)
    namer = open_namer("measured", blank, inspector.expert.encoder, examples=anomalies)
    for kind, group in paths.items():
        found = detect(inspector, group[3]).anomaly(certain=True)
        assert set(found.likely) == {"pit", "blob"}
        assert namer.identify(found).key == kind
        assert detect(inspector, group[3]).anomaly(read_mask(masks[group[3]])).likely == {}


def test_an_inspector_looks_for_what_it_was_shown(inspector, plates, parts):
    inspector = inspector.comparing_with(plates / "train" / "good")
    path = sorted((plates / "test" / "pit").iterdir())[0]
    before = detect(inspector, path)
    inspector = inspector.with_examples(
        [OutlinedExample(parts.plate(70 + n, 10, at), parts.disc(at), "pit") for n, at in enumerate(PLACES)]
    )
    after = detect(inspector, path)
    assert after.score >= before.score
    assert after.score > 0.5
    truth = read_mask(plates / "ground_truth" / "pit" / f"{path.stem}_mask.png")
    mask = after.anomaly().views[0].mask
    assert (mask & truth).sum() / (mask | truth).sum() > 0.2
