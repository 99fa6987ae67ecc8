from __future__ import annotations

import numpy as np
import pytest

from looktwice.classification.anomaly import Anomaly, AnomalyView, Contours
from looktwice.classification.measurements import measure
from looktwice.classification.namers.measured import MeasuredNamer
from looktwice.classification.taxonomy import load_taxonomies, select
from looktwice.evidence.comparisons import drawing

BOARD = np.zeros((96, 96), bool)
BOARD[20:32] = True  # a track
BOARD[44:56] = True  # its neighbour
BOARD[70:] = True  # a plane


def flawed(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The board with one flaw, and the box around it."""
    board, region = BOARD.copy(), np.zeros_like(BOARD)
    value, rows, columns = {
        "open": (False, slice(20, 32), slice(44, 52)),
        "short": (True, slice(32, 44), slice(44, 52)),
        "mousebite": (False, slice(70, 77), slice(44, 52)),
        "spur": (True, slice(62, 70), slice(44, 52)),
        "pin_hole": (False, slice(80, 88), slice(44, 52)),
        "copper": (True, slice(59, 65), slice(44, 50)),
    }[kind]
    board[rows, columns] = value
    region[max(0, rows.start - 5) : rows.stop + 5, columns.start - 6 : columns.stop + 6] = True
    if kind == "spur":
        region[:60] = False
    return board, region


def picture(shape: np.ndarray) -> np.ndarray:
    return np.repeat(np.where(shape, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


KINDS = ["open", "short", "mousebite", "spur", "pin_hole", "copper"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("known", [True, False], ids=["with the flawless drawing", "alone"])
def test_kinds_of_flaw_are_told_without_examples(kind, known):
    board, region = flawed(kind)
    taxonomy = select(load_taxonomies("circuit_board"), None)
    view = AnomalyView(picture(board), region, expected=picture(BOARD) if known else None)
    naming = MeasuredNamer(None, taxonomy).decide(measure(view, "dark"), None)
    assert naming.key == kind
    assert naming.confidence == max(naming.probabilities.values())


@pytest.mark.parametrize("kind", KINDS)
def test_the_tone_of_the_material_may_be_bright(kind):
    board, region = flawed(kind)
    dark = measure(AnomalyView(picture(board), region, expected=picture(BOARD)), "dark")
    bright = measure(AnomalyView(255 - picture(board), region, expected=255 - picture(BOARD)), "bright")
    assert [dark[name] for name in drawing.NAMES] == [bright[name] for name in drawing.NAMES]


def test_the_pattern_around_a_region_goes_on_through_it():
    board, region = flawed("open")
    assert (drawing.continue_pattern(board, region) == BOARD).all()
    assert (drawing.continue_pattern(BOARD, np.zeros_like(BOARD)) == BOARD).all()


def test_one_tone_holds_no_drawing():
    assert not drawing.binarise(np.full((8, 8), 3.0), dark=True).any()


def test_anomalies_of_drawings_are_described_with_them(inspector):
    board, region = flawed("open")
    taxonomy = select(load_taxonomies("circuit_board"), None)
    namer = MeasuredNamer(inspector.expert.encoder, taxonomy)
    described = namer.describe([Anomaly((AnomalyView(picture(board), region),), Contours.ORACLE)])
    assert set(described) == {"tokens", "measurements", "drawing"}
    assert all(np.isfinite(rows).all() for rows in described.values())
