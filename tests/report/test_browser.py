"""The viewers, driven in headless Chromium without a network."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from looktwice.report import write_report

from ..made_studies import HOT_WORLD

pytestmark = pytest.mark.timeout(180)


def state(dom: str) -> dict:
    """Read what a driving script left in ``document.body.dataset.state``."""
    found = re.search(r'data-state="([^"]*)"', dom)
    assert found, dom[:500]
    return json.loads(found[1].replace("&quot;", '"'))


DRIVE_VOLUME = """
const byId = (id) => document.getElementById('volume-' + id);
const canvas = byId('canvas');
const box = canvas.getBoundingClientRect();
const pixels = () => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let coloured = 0, lit = 0;
  for (let at = 0; at < data.length; at += 4) {
    coloured += data[at] > data[at + 2] + 60;
    lit += data[at] + data[at + 1] + data[at + 2] > 60;
  }
  const slices = ['X', 'Y', 'Z'].map((plane) => Number(byId(plane).value));
  return { coloured, lit, slices, readout: byId('readout').textContent };
};
const slide = (id, value) => { byId(id).value = value; byId(id).dispatchEvent(new Event('input')); };
const turn = (share, steps) => {
  for (let step = 0; step < Math.abs(steps); step++) {
    canvas.dispatchEvent(new WheelEvent('wheel', {
      clientX: box.left + share * box.width, clientY: box.top + 40, deltaY: -Math.sign(steps), cancelable: true,
    }));
  }
};
const seen = { start: pixels() };
slide('opacity', 0); seen.transparent = pixels();
slide('opacity', 100); slide('cut', 100); seen.cut = pixels();
slide('cut', 0); seen.back = pixels();
turn(0.9, 25); seen.scrolled = pixels();
turn(0.1, -3); seen.sagittal = pixels();
const inCoronal = { clientX: box.left + 0.6 * box.width, clientY: box.top + 0.5 * box.height };
canvas.dispatchEvent(new MouseEvent('click', inCoronal));
seen.clicked = pixels();
document.body.dataset.state = JSON.stringify(seen);
"""


def test_the_three_planes_scroll_and_fade(make_volume, browse, tmp_path):
    made = make_volume("LPS")
    write_report(made.result, made.study, made.pictures, tmp_path / "out")
    seen = state(browse(tmp_path / "out" / "report.html", DRIVE_VOLUME))
    assert seen["start"]["lit"] > 10_000
    assert seen["start"]["coloured"] > 200
    stated = [int(number) for number in re.findall(r"[+-]?\d+", seen["start"]["readout"])[:3]]
    np.testing.assert_allclose(stated, HOT_WORLD, atol=4)
    assert seen["transparent"]["coloured"] == 0
    assert seen["transparent"]["lit"] > 10_000
    assert seen["cut"]["coloured"] == 0
    assert seen["back"] == seen["start"]
    x, y, z = seen["start"]["slices"]
    assert seen["scrolled"]["slices"] == [x, y, z + 25]
    assert seen["scrolled"]["coloured"] < seen["start"]["coloured"]
    assert seen["sagittal"]["slices"] == [x - 3, y, z + 25]
    assert seen["clicked"]["slices"][1] == y  # a click into the coronal plane keeps it
    assert seen["clicked"]["slices"] != seen["sagittal"]["slices"]


DRIVE_CLOUD = """
const plot = document.getElementById('cloud-plot');
const cut = document.getElementById('cloud-cut');
const state = () => ({
  traces: plot.data.map((trace) => trace.type),
  counts: plot.data.map((trace) => trace.x.length),
  step: plot.data[0].colorscale && plot.data[0].colorscale[1][0],
  shown: document.getElementById('cloud-cut-value').textContent,
});
setTimeout(() => {
  const seen = { start: state() };
  cut.value = 5; cut.dispatchEvent(new Event('input')); seen.low = state();
  cut.value = 95; cut.dispatchEvent(new Event('input')); seen.high = state();
  seen.canvases = plot.querySelectorAll('canvas').length;
  document.body.dataset.state = JSON.stringify(seen);
}, 3000);
"""


def test_points_change_sides_at_the_slider(make_cloud, browse, tmp_path):
    made = make_cloud(points=400)
    write_report(made.result, made.study, made.pictures, tmp_path / "out")
    hot = int((made.result.heatmap.values >= 0.5).sum())
    seen = state(browse(tmp_path / "out" / "report.html", DRIVE_CLOUD))
    assert seen["start"]["traces"] == ["scatter3d", "scatter3d"]
    assert seen["start"]["counts"] == [400 - hot, hot]
    assert seen["low"]["counts"] == [0, 400]
    assert seen["high"]["counts"] == [400, 0]
    assert seen["low"]["shown"] == "0.05"
    assert seen["canvases"] > 0


def test_a_mesh_changes_colour_at_the_slider(make_cloud, browse, tmp_path):
    made = make_cloud(points=100, mesh=True)
    write_report(made.result, made.study, made.pictures, tmp_path / "out")
    seen = state(browse(tmp_path / "out" / "report.html", DRIVE_CLOUD))
    assert seen["start"]["traces"] == ["mesh3d"]
    assert seen["start"]["step"] == 0.5
    assert seen["high"]["step"] == 0.95
    assert seen["canvases"] > 0
