"""Flaws found by what outlined examples look like."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.classification.classifier import open_namer
from looktwice.classification.detection import Detector
from looktwice.classification.examples import look_at_examples
from looktwice.classification.learned_flaws import Outlined, TaughtFlaws
from looktwice.datasets.masks import read_mask

PLACES = [(16, 16), (40, 24), (30, 48)]


def outlined(parts, tone=10, kind="pit", seed=20):
    return [Outlined(parts.plate(seed + n, tone, at), parts.disc(at), kind) for n, at in enumerate(PLACES)]


@pytest.fixture
def taught(inspector, parts):
    return TaughtFlaws(inspector.expert, [parts.plate(seed) for seed in range(8)], outlined(parts))


@pytest.mark.parametrize("at", [(20, 44), (46, 46)])
def test_what_looks_like_an_example_is_found_where_it_lies(taught, parts, at):
    found = taught.find(parts.plate(90, 10, at))
    assert found.logit > 0
    row, column = np.unravel_index(found.heat.argmax(), found.heat.shape)
    scale = 64 / found.heat.shape[0]
    assert abs((row + 0.5) * scale - at[0]) < 10
    assert abs((column + 0.5) * scale - at[1]) < 10


def test_normal_material_is_not_taken_for_an_example(taught, parts):
    normal = [taught.find(parts.plate(seed)) for seed in range(100, 108)]
    flawed = [taught.find(parts.plate(seed, 10)) for seed in range(200, 204)]
    assert max(one.logit for one in normal) < min(one.logit for one in flawed)
    assert np.median([one.logit for one in normal]) < 0
    assert np.mean([(one.heat < 0.5).mean() for one in normal]) > 0.9


@pytest.mark.parametrize("count", [1, 3])
def test_kinds_are_told_apart_from_one_example_each(inspector, parts, count):
    normal = [parts.plate(seed) for seed in range(8)]
    flawed = [*outlined(parts)[:count], *outlined(parts, 240, "blob", 30)[:count]]
    taught = TaughtFlaws(inspector.expert, normal, flawed)
    for tone, kind in ((10, "pit"), (240, "blob")):
        for at in ((20, 44), (46, 46)):
            found = taught.find(parts.plate(90, tone, at))
            assert max(found.kinds, key=found.kinds.get) == kind
            assert sum(np.exp(list(found.kinds.values()))) == pytest.approx(1, abs=1e-3)


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
    specimens, _ = look_at_examples(detector, shown)
    namer = open_namer("embedded", blank, inspector.expert.encoder, examples=specimens)
    for kind, group in paths.items():
        found = detector.look(group[3], certain=True).specimen
        assert set(found.likely) == {"pit", "blob"}
        assert namer.identify(found).key == kind
        assert detector.look(group[3], truth=read_mask(masks[group[3]])).specimen.likely == {}


def test_a_detector_looks_for_what_it_was_taught(inspector, plates, parts):
    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    path = sorted((plates / "test" / "pit").iterdir())[0]
    before = detector.look(path, certain=True)
    detector.teach(outlined(parts, seed=70))
    after = detector.look(path, certain=True)
    assert after.score >= before.score
    assert after.score > 0.5
    truth = read_mask(plates / "ground_truth" / "pit" / f"{path.stem}_mask.png")
    mask = after.specimen.exposures[0].mask
    assert (mask & truth).sum() / (mask | truth).sum() > 0.2
