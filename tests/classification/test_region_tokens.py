from __future__ import annotations

import numpy as np

from looktwice.classification.region_tokens import crop_around, region_tokens


def test_a_crop_holds_its_region_and_stays_in_the_picture(parts):
    image, mask = parts.plate(1, 10, (5, 60)), parts.disc((5, 60))
    crop, inside = crop_around(image, mask, 4.0)
    assert crop.shape[0] == crop.shape[1] == inside.shape[0]
    assert inside.sum() == mask.sum()


def test_tokens_of_a_region_are_finite_and_tell_tones_apart(parts, inspector):
    tokens = region_tokens(
        inspector.expert.encoder,
        [parts.plate(1, 10), parts.plate(2, 10), parts.plate(3, 240)],
        [parts.disc()] * 3,
        (0, 1, 2, 3),
    )
    assert tokens.shape == (3, 2 * 2 * (6 + 8 + 10 + 12))
    assert np.isfinite(tokens).all()
    assert np.linalg.norm(tokens[0] - tokens[1]) < np.linalg.norm(tokens[0] - tokens[2])
