from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from looktwice.core.answer import Answer
from looktwice.core.display import Viewer
from looktwice.core.finding import Finding
from looktwice.core.study import Region
from looktwice.report.html import render_html

NOTICE = "not a medical device"
HOSTILE = "<img src=x onerror=alert(1)>\"'&</title><script>alert(2)</script>"


class Page(HTMLParser):
    """What a page holds: its tags, the addresses it loads, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "data", "poster")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


def test_a_hostile_name_is_shown_and_never_run(photograph):
    result = photograph.result
    calm = Page(render_html(result, photograph.pictures))
    result.study, result.source = HOSTILE, Path(HOSTILE.replace("/", "_"))
    result.notes = [HOSTILE]
    result.model = {"name": HOSTILE, "revision": HOSTILE, "sha256": {HOSTILE: HOSTILE}}
    result.findings = (Finding(HOSTILE, 0.0),)
    result.answer = Answer(HOSTILE, "remote", author=HOSTILE)
    hostile = Page(render_html(result, [replace(photograph.pictures[0], name=HOSTILE)]))
    assert hostile.tags.count("script") == calm.tags.count("script")
    assert hostile.tags.count("img") == calm.tags.count("img")
    assert hostile.handlers == []
    assert HOSTILE in hostile.text


def test_a_hostile_measurement_cannot_leave_the_viewers_json(make_cloud):
    made = make_cloud(points=60)
    setup = {"unit": HOSTILE, "threshold": 0.5, "shown": HOSTILE}
    template = made.result.heatmap.viewer(0.5).template
    html = render_html(made.result, made.pictures, Viewer(template, {"setup": setup, "plotly": "/* script */"}))
    assert "<script>alert" not in html


@pytest.mark.parametrize("kind", ["photograph", "volume", "cloud", "mesh"])
def test_nothing_is_loaded_from_elsewhere(kind, request):
    made = _made(kind, request)
    page = Page(render_html(made.result, made.pictures))
    assert page.loads
    assert all(address.startswith("data:") for address in page.loads)
    assert "link" not in page.tags
    assert "@import" not in page.text
    assert "url(" not in page.text


def test_a_volume_carries_the_notice_and_not_its_file_name(make_volume):
    made = make_volume()
    made.result.source = Path("/scans/Doe_Jane_19700101/series.nii.gz")
    html = render_html(made.result, made.pictures)
    assert NOTICE in html
    assert "Doe" not in html
    assert "series.nii" not in html


def test_other_input_carries_the_notice_only_where_it_is_medical(photograph):
    assert NOTICE not in render_html(photograph.result, photograph.pictures)
    assert "weiße Kachel.png" in render_html(photograph.result, photograph.pictures)
    photograph.result.medical = True
    html = render_html(photograph.result, photograph.pictures)
    assert NOTICE in html
    assert "Kachel.png" not in html


def test_the_table_states_what_was_measured(make_volume):
    made = make_volume()
    made.result.regions = [
        Region(
            score=0.912,
            size=1234.0,
            size_unit="volume_mm3",
            centroid=(10.4, 20.6, 30.0),
            bbox=(5, 6, 7, 15, 26, 37),
            centroid_world_mm=(-12.2, 7.7, 0.2),
            details={"diameter_mm": 21.44, "laterality": "left", "mean_ring": None, "extents": [3.0, 2.0]},
        )
    ]
    text = Page(render_html(made.result, made.pictures)).text
    for stated in ("0.91", "1.23 ml", "10, 21, 30", "−12, +8, 0", "i 5 – 15", "k 7 – 37", "diameter 21.4 mm"):
        assert stated in text
    assert "laterality left" in text
    assert "extents 3 × 2" in text
    assert "None" not in text


def test_a_normal_study_lists_its_candidates_apart(photograph):
    result = photograph.result
    result.score, result.candidates, result.regions = 0.2, result.regions, []
    page = render_html(result, photograph.pictures)
    assert "<p>None.</p>" in page
    assert "1 fainter place on the map, which does not decide" in page
    assert "The line follows the threshold" not in page


def test_a_normal_study_without_regions_or_answer(photograph):
    result = photograph.result
    result.score, result.regions, result.answer, result.findings, result.seconds = 0.2, [], None, (), {}
    text = Page(render_html(result, photograph.pictures)).text
    assert "normal" in text
    assert "None." in text


def test_each_view_stands_plain_beside_its_overlay(make_cloud):
    made = make_cloud(points=60)
    html = render_html(made.result, made.pictures)
    page = Page(html)
    assert page.tags.count("figure") == len(made.pictures)
    assert page.tags.count("img") == 3 * len(made.pictures)  # plain, plain below the layer, the layer
    assert html.count('<figure class="worst">') == 1


def _made(kind, request):
    if kind == "photograph":
        return request.getfixturevalue("photograph")
    if kind == "volume":
        return request.getfixturevalue("make_volume")()
    return request.getfixturevalue("make_cloud")(points=80, mesh=kind == "mesh")
