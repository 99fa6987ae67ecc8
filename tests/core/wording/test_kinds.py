from __future__ import annotations

import pytest

from looktwice.core.wording.extent import EXTENTS, SEVERITIES, extent_of_share, extent_of_volume
from looktwice.core.wording.kinds import KINDS, kind_of, kinds_in, phrase
from looktwice.datasets.synthesis import images, shapes


def test_every_painter_makes_a_kind_that_can_be_named():
    assert {kind_of(name) for name in (*images.KINDS, *shapes.KINDS)} <= set(KINDS)


@pytest.mark.parametrize(("name", "kind"), [("Blowhole", "hole"), ("broken-off", "missing part"), ("good", None)])
def test_names_of_benchmarks(name, kind):
    assert kind_of(name) == kind


def test_what_a_text_names():
    assert kinds_in("It is most likely a scratch.") == {"scratch"}
    assert kinds_in('A kind known as "hole".') == {"hole"}
    assert kinds_in("Yes, there is a lesion on the whole.") == set()
    assert kinds_in("It is most likely a lesion.") == {"lesion"}
    assert phrase("shading") == "uneven shading"
    assert phrase("blow hole") == 'of the kind "blow hole"'


def test_extents_grow():
    words = [extent_of_share(share) for share in (0, 0.005, 0.03, 0.1, 1)]
    assert words == list(EXTENTS)
    assert [extent_of_volume(size) for size in (10, 500, 5_000, 20_000, 90_000)] == list(EXTENTS)
    assert set(SEVERITIES) == set(EXTENTS)
