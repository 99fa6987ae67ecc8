"""Findings join in one order: what replaces, what is highest, what adds; the same for the score and for the map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from looktwice.core.finding import Finding, NativeHeat, ViewHeat
from looktwice.core.fuse import fuse, maps_in_views, view_scores
from looktwice.core.study import NativeMap, Region, Study, View

VIEWS, SIDE = 3, 4


class Stack(NativeMap):
    """Maps of views, one upon the other."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def in_views(self) -> np.ndarray:
        return self.values

    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        return [Region(float(self.values.max()), 1, "points", (), ())] if self.values.max() >= threshold else []


class Made(Study):
    modality, name, source, notes = "made", "made", Path("made"), []

    def views(self) -> list[View]:
        return [View(np.zeros((2, 2, 3), np.uint8), str(index), index) for index in range(VIEWS)]

    def lift(self, maps: np.ndarray) -> Stack:
        return Stack(np.asarray(maps, np.float32))


def maps(value: float, side: int = SIDE) -> np.ndarray:
    return np.full((VIEWS, side, side), value, np.float32)


def finding(name: str, logit: float, join: str = "max", **changes) -> Finding:
    heat = maps(logit) if join == "add" else maps(float(expit(logit)))
    return Finding(name, logit, ViewHeat(heat), join, **changes)


logits = st.floats(-6, 6)


@given(st.lists(logits, min_size=1, max_size=4), st.lists(logits, max_size=3))
def test_the_highest_counts_and_then_what_adds_for_score_and_map_alike(highest, added):
    findings = [finding(f"m{i}", one) for i, one in enumerate(highest)]
    findings += [finding(f"a{i}", one, "add") for i, one in enumerate(added)]
    score, heatmap, _ = fuse(findings, Made())
    expected = expit(max(highest) + sum(added))
    assert score == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(heatmap.values, expected, atol=1e-5)


@given(logits, logits, logits)
def test_what_is_replaced_no_longer_counts_and_others_do(own, better, other):
    findings = [finding("self_reference", own), finding("tissue", better, "replace"), finding("asymmetry", other)]
    score, heatmap, _ = fuse(findings, Made())
    assert score == pytest.approx(expit(max(better, other)), abs=1e-5)
    np.testing.assert_allclose(heatmap.values, expit(max(better, other)), atol=1e-5)


def test_what_is_only_reported_moves_nothing():
    alone, _, _ = fuse([finding("a", 0.3)], Made())
    both, _, _ = fuse([finding("a", 0.3), finding("ltfm", 5.0, "none")], Made())
    assert alone == both


def test_heat_of_the_inputs_own_space_joins_behind_the_lift():
    native = np.linspace(0.1, 0.9, VIEWS * SIDE * SIDE, dtype=np.float32).reshape(VIEWS, SIDE, SIDE)
    findings = [finding("self_reference", 0.0), Finding("geometry", 1.0, NativeHeat(native))]
    _, heatmap, _ = fuse(findings, Made())
    np.testing.assert_allclose(heatmap.values, np.maximum(native, 0.5))
    findings[1] = Finding("geometry", 1.0, NativeHeat(native), "replace")
    _, heatmap, _ = fuse(findings, Made())
    np.testing.assert_allclose(heatmap.values, native)
    findings.append(Finding("cohort", 1.0, NativeHeat(np.ones_like(native)), "add"))
    _, heatmap, _ = fuse(findings, Made())
    np.testing.assert_allclose(heatmap.values, expit(np.log(native / (1 - native)) + 1), atol=1e-5)
    assert (maps_in_views(findings, heatmap) == heatmap.values).all()


def test_maps_of_another_grid_are_brought_to_that_of_the_first():
    findings = [finding("self_reference", 0.0), Finding("references", 0.0, ViewHeat(maps(1.0, 2 * SIDE)), "add")]
    _, heatmap, _ = fuse(findings, Made())
    assert heatmap.values.shape == (VIEWS, SIDE, SIDE)
    np.testing.assert_allclose(heatmap.values, expit(1.0), atol=1e-5)


def test_views_rank_as_the_only_source_says_or_by_their_maps():
    said = np.array([0.2, 0.9, 0.1], np.float32)
    one = finding("self_reference", 0.0, view_scores=said)
    _, heatmap, _ = fuse([one], Made())
    np.testing.assert_array_equal(view_scores([one], heatmap, maps_in_views([one], heatmap)), said)
    hot = maps(0.0)
    hot[2, 1, 1] = 0.8
    two = [one, Finding("asymmetry", 0.0, ViewHeat(hot))]
    _, heatmap, _ = fuse(two, Made())
    assert view_scores(two, heatmap, maps_in_views(two, heatmap)).argmax() == 2


def test_regions_are_those_at_the_threshold():
    assert fuse([finding("a", 1.0)], Made(), 0.7)[2]
    assert not fuse([finding("a", 1.0)], Made(), 0.8)[2]


def test_two_that_replace_and_none_that_counts_are_errors():
    with pytest.raises(ValueError, match="tissue and dust"):
        fuse([finding("tissue", 0, "replace"), finding("dust", 0, "replace")], Made())
    with pytest.raises(ValueError, match="no source"):
        fuse([finding("ltfm", 0, "none")], Made())


def test_what_is_replaced_takes_what_it_replaces_with_it():
    findings = [
        finding("self_reference", 3.0),
        finding("references", 2.0, "replace"),
        finding("golden_template", -1.0, "replace", replaces=("references",)),
    ]
    assert fuse(findings, Made())[0] == pytest.approx(expit(-1.0))


def test_a_plain_array_is_taken_for_view_maps_and_checked():
    assert isinstance(Finding("a", 0.0, maps(0.5)).heat, ViewHeat)
    with pytest.raises(ValueError, match=r"views, rows, columns"):
        Finding("a", 0.0, np.zeros((4, 4), np.float32))
