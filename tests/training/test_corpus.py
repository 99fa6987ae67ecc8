"""What is drawn for training, and what is left out."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from looktwice.core.errors import InputError
from looktwice.core.shipped_pictures import shipped_pictures
from looktwice.core.study import Modality
from looktwice.training.corpus import draw_examples, gather_sources, vary

SHIPPED = ("shipped brick", "shipped grass", "shipped gravel", "shipped scenes")


def by_name(sources):
    return {source.name: source for source in sources}


def test_every_category_is_a_source_beside_the_shipped_pictures(benchmark_folder):
    sources = by_name(gather_sources([benchmark_folder], []))
    assert set(sources) == {*SHIPPED, "plate", "screw"}
    assert len(sources["plate"].normals) == 4
    assert len(sources["plate"].anomalies) == 2


def test_what_is_left_out_is_never_seen(benchmark_folder):
    sources = gather_sources([benchmark_folder], [], left_out=["screw"])
    assert set(by_name(sources)) == {*SHIPPED, "plate"}
    paths = [path for source in sources for path in source.normals]
    paths += [sample.path for source in sources for sample in source.anomalies]
    assert paths
    assert not any("screw" in path.parts for path in paths)


def test_nothing_but_the_shipped_pictures_is_too_little(benchmark_folder):
    with pytest.raises(InputError, match="there is no training data"):
        gather_sources([benchmark_folder], [], left_out=["plate", "screw"])


def test_normal_volumes_and_pictures_are_sources_of_their_own(benchmark_folder, ball):
    sources = by_name(gather_sources([], [ball, benchmark_folder / "plate" / "train" / "good"]))
    assert sources["ball.nii.gz"].modality is Modality.VOLUME
    picture = sources["ball.nii.gz"].draw_normal(np.random.default_rng(0))
    assert picture.dtype == np.uint8
    assert len(sources["good"].pictures) == 3
    assert all(source.has_normals for source in sources.values())


def test_examples_are_half_normal_and_their_masks_say_where(benchmark_folder):
    sources = gather_sources([benchmark_folder], [])
    plate = by_name(sources)["plate"]
    examples = list(draw_examples(plate, 12, np.random.default_rng(0), sources))
    assert Counter(example.label for example in examples) == {0: 6, 1: 6}
    for example in examples:
        assert example.source == "plate"
        assert example.mask is not None
        assert example.mask.shape == example.image.shape[:2]
        assert example.mask.any() == bool(example.label)
    real = [example for example in examples if example.label and (example.image[22:28, 45:65] == 250).all()]
    assert len(real) == 3
    assert all(example.mask[20:30, 40:70].all() and example.mask.sum() == 300 for example in real)


def test_a_source_without_real_anomalies_gets_synthetic_ones():
    from looktwice.training.corpus import Source

    shipped = Source("shipped", pictures=shipped_pictures())
    examples = list(islice(draw_examples(shipped, 4, np.random.default_rng(0), [shipped]), 4))
    assert [example.label for example in examples] == [0, 1, 0, 1]
    assert all(example.image.shape == (512, 512, 3) for example in examples)


def test_the_same_seed_draws_the_same(benchmark_folder):
    sources = gather_sources([benchmark_folder], [])
    first, second = (list(draw_examples(sources[-1], 4, np.random.default_rng(3), sources)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.mask, other.mask)


def test_an_unreadable_anomaly_is_passed_over(benchmark_folder):
    sources = gather_sources([benchmark_folder], [], left_out=["screw"])
    for sample in sources[-1].anomalies:
        sample.path.write_bytes(b"broken")
    examples = list(draw_examples(sources[-1], 8, np.random.default_rng(0), sources))
    assert Counter(example.label for example in examples) == {0: 4, 1: 2}


def test_variation_keeps_shape_and_range():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    rng = np.random.default_rng(1)
    varied = [vary(image, rng) for _ in range(8)]
    assert all(picture.shape == image.shape and picture.dtype == np.uint8 for picture in varied)
    assert len({picture.tobytes() for picture in varied}) == 8
