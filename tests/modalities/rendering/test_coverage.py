import numpy as np
import pytest

from looktwice.modalities.rendering.coverage import (
    DIRECTIONS,
    FACES,
    MAX_VIEWS,
    WANTED,
    choose_directions,
    direction_name,
    viewer_axes,
)


def test_names_say_where_the_viewer_stands():
    assert direction_name((-1, 1, 0)) == "from the upper left"
    assert direction_name((0, 0, 1)) == "from the front"
    assert direction_name((0, -1, 0)) == "from the bottom"
    assert direction_name((1, -1, -1)) == "from the lower back right"
    assert len({direction_name(direction) for direction in DIRECTIONS}) == MAX_VIEWS == 26


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_viewer_axes_are_right_handed_and_look_at_the_object(direction):
    right, down, away = viewer_axes(direction)
    np.testing.assert_allclose(np.cross(right, down), away, atol=1e-12)
    assert away @ direction < 0
    if direction[0] == direction[2] == 0:
        return
    assert down[1] < 0, "up in the object's frame is up in the picture"


@pytest.mark.parametrize("views", [1, 6, 9, 14, 26])
def test_as_many_as_asked_for_and_none_twice(shapes, views):
    chosen = choose_directions(shapes.frame(shapes.bracket(4000)), views)
    assert len(chosen) == len(set(chosen)) == views
    assert tuple(chosen[:6]) == FACES[:views]


def test_until_covered_sees_every_part_of_a_ball_twice(shapes):
    frame = shapes.frame(shapes.ball(8000))
    chosen = choose_directions(frame, None)
    toward = np.array([-viewer_axes(direction)[2] for direction in chosen]) @ frame.axes
    cosine = shapes.ball(2000) @ toward.T
    assert (cosine > 0.05).sum(axis=1).min() >= WANTED
    assert 8 <= len(chosen) < MAX_VIEWS


def test_greedy_views_look_into_a_pit(shapes):
    # A cup that opens along a diagonal: the six faces hardly see its floor, the corner above it does.
    bowl = shapes.ball(30000)
    diagonal = np.ones(3) / np.sqrt(3)
    cup = np.concatenate([bowl[bowl @ diagonal < 0.5], 0.93 * bowl[bowl @ diagonal < 0.5]])
    box = np.random.default_rng(0).random((8000, 3)).astype(np.float32) * (8, 4, 2) - (4, 2, 6)
    frame = shapes.frame(np.concatenate([cup, box]))
    inside = (frame.axes @ diagonal.astype(np.float32)).round(3)
    chosen = choose_directions(frame, 9)
    best = max(np.dot(direction, inside) / np.linalg.norm(direction) for direction in chosen)
    assert best > max(np.dot(direction, inside) for direction in FACES)
