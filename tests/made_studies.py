"""Studies of each kind with a known hot spot, and the results that go with them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from looktwice.core.calibration import Calibration
from looktwice.core.finding import Finding
from looktwice.core.result import Result, ViewScore
from looktwice.core.study import Study, View
from looktwice.encoders.adapters import AdapterShape
from looktwice.evidence.base import Context
from looktwice.evidence.config import AdaptedEncoder
from looktwice.evidence.encoding import StudyTokens
from looktwice.evidence.settings import DEFAULTS
from looktwice.evidence.sources import find_evidence
from looktwice.modalities.images import ImageStudy, PixelMap
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.pointmap import PointMap
from looktwice.modalities.pointclouds.study import CloudStudy
from looktwice.modalities.volumes import open_volume
from looktwice.reasoning.template import explain
from looktwice.report import Picture

HOT_WORLD = (24.0, 18.0, 12.0)
"""Where the volume's bright ball is, in RAS millimetres: right, front, upper."""


def ask(source, study, calibration: Calibration | None = None, grid: tuple[int, int] = (18, 18), findings=()):
    """Ask one source of evidence that needs no tokens about a study."""
    config = SimpleNamespace(calibration={source.NAME: calibration or Calibration()}, settings=DEFAULTS)
    expert = SimpleNamespace(config=config, encoder=SimpleNamespace(grid=grid))
    return source.look(study, StudyTokens(grid, {}), Context(expert, findings=tuple(findings)))


class PictureStudy(Study):
    """Pictures in memory as the views of a study; one picture of kind "image" is a photograph."""

    name = "made"

    def __init__(self, images, modality: str = "volume", base: int = 0, name: str = "made.nii.gz") -> None:
        self.images, self._base, self.modality, self.source, self.notes = images, base, modality, Path(name), []

    def views(self) -> list[View]:
        return [View(image, f"slice {index}", index) for index, image in enumerate(self.images)]

    @property
    def base(self) -> int:
        return self._base

    def lift(self, maps: np.ndarray):
        raise NotImplementedError


def evidence_of(expert, *studies: Study) -> list[tuple[dict, StudyTokens]]:
    """Return what each source finds in studies of one batch, by name, and what was kept of their tokens."""
    found = find_evidence(studies, Context(expert))
    return [({one.name: one for one in findings}, tokens) for findings, tokens in found]


TINY = AdaptedEncoder("tiny", {}, AdapterShape(rank=0), level_dims=(6, 8, 10, 12), embed_dim=16)
"""The encoder that costs nothing, in the place of an adapted one."""


def silence(expert, logit: float = 0.0) -> None:
    """Let Look-Twice say the same of every photograph and of every place in it."""
    network = expert.adapted_look_twice
    for parameter in (network.peak_weight, network.predictor[-1].weight, network.prompt_adaptor.weight):
        parameter.data.zero_()
    network.predictor[-1].bias.data.fill_(logit)


def make_result(study, heatmap, pictures, threshold: float = 0.5, score: float = 0.83, **changes) -> Result:
    result = Result(
        study=study.name,
        source=study.source,
        modality=study.modality,
        score=score,
        threshold=threshold,
        heatmap=heatmap,
        regions=heatmap.regions(threshold),
        worst_views=[ViewScore(p.name, i, p.score, p.score) for i, p in enumerate(pictures)],
        views=max(1, len(pictures)),
        model={"name": "nano", "revision": "r1", "sha256": {"expert.safetensors": "ab" * 32}},
        version="0.1.0",
        findings=(Finding("ltfm", 1.6, join="none"), Finding("self_reference", -0.4)),
        seconds={"load": 0.1, "encode": 1.0, "match": 0.2, "lift": 0.1, "explain": 0.0},
        notes=list(study.notes),
        medical=study.medical,
    )
    for name, value in changes.items():
        setattr(result, name, value)
    result.answer = explain(result)
    return result


@pytest.fixture
def photograph(tmp_path: Path) -> SimpleNamespace:
    """A grey ramp of 120 × 80 pixels, hot in a square from (90, 10) to (110, 30)."""
    ramp = np.linspace(60, 200, 120, dtype=np.uint8)
    pixels = np.repeat(np.repeat(ramp[None, :, None], 80, axis=0), 3, axis=2)
    path = tmp_path / "weiße Kachel.png"
    Image.fromarray(pixels).save(path)
    values = np.full((80, 120), 0.1, np.float32)
    values[10:30, 90:110] = 0.9
    study = ImageStudy(path)
    picture = Picture("image", study.views()[0].image, values, 0.9)
    return SimpleNamespace(study=study, pictures=[picture], result=make_result(study, PixelMap(values), [picture]))


@pytest.fixture
def make_volume(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """A head-like ellipsoid in any orientation, bright and hot in a ball around `HOT_WORLD`."""

    def make(codes: str = "RAS", spacing: tuple[float, float, float] = (2.0, 2.0, 2.0)) -> SimpleNamespace:
        counts = np.ceil(np.array([170, 200, 170]) / spacing).astype(int)
        affine = np.diag([*spacing, 1.0])
        affine[:3, 3] = -(counts - 1) * spacing / 2
        world = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), axis=-1) * spacing + affine[:3, 3]
        data = (np.linalg.norm(world / (75.0, 92.0, 75.0), axis=-1) < 1) * (400.0 + 2.0 * world[..., 1])
        data[np.linalg.norm(world - HOT_WORLD, axis=-1) < 14] = 900.0
        turned = nib.orientations.ornt_transform(
            nib.orientations.io_orientation(affine), nib.orientations.axcodes2ornt(codes)
        )
        image = nib.Nifti1Image(data.astype(np.float32), affine).as_reoriented(turned)
        path = tmp_path / f"head-{codes}.nii.gz"
        nib.save(image, path)
        study = open_volume(path)
        views = study.views()
        maps = np.stack([_cells(view.image[..., 0], 24) for view in views])
        best = np.argsort(-maps.max(axis=(1, 2)))[:4]
        pictures = [Picture(views[int(i)].name, views[int(i)].image, maps[i], float(maps[i].max())) for i in best]
        return SimpleNamespace(study=study, pictures=pictures, result=make_result(study, study.lift(maps), pictures))

    return make


def _cells(picture: np.ndarray, cells: int) -> np.ndarray:
    bright = Image.fromarray(np.where(picture > 180, 255, 0).astype(np.uint8))
    return np.asarray(bright.resize((cells, cells), Image.Resampling.BOX), np.float32) / 255 * 0.95


@pytest.fixture
def make_cloud(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """A sphere of radius 10 as points or as a mesh, hot around its north pole; nothing is rendered."""

    def make(points: int = 3000, offset: float = 0.0, mesh: bool = False) -> SimpleNamespace:
        index = np.arange(points) + 0.5
        polar, turn = np.arccos(1 - 2 * index / points), np.pi * (1 + 5**0.5) * index
        unit = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)
        faces = None
        if mesh:
            from scipy.spatial import ConvexHull

            faces = ConvexHull(unit).simplices.astype(np.int32)
        study = CloudStudy(Cloud(10.0 * unit + offset, faces), tmp_path / "ball.ply", unit="mm")
        values = np.where(polar < 0.3, 0.9, 0.1).astype(np.float32)
        seen = np.full(points, 3, np.uint8)
        heatmap = PointMap(study, values, seen, np.zeros(points, bool))
        heat = np.full((14, 14), 0.1, np.float32)
        heat[3:6, 6:9] = 0.9
        pictures = [Picture(f"view {n}", np.full((96, 96, 3), 90, np.uint8), heat, 0.9 - 0.1 * n) for n in range(2)]
        return SimpleNamespace(study=study, pictures=pictures, result=make_result(study, heatmap, pictures))

    return make


@pytest.fixture
def browse(tmp_path: Path) -> Callable[..., str]:
    """Open a page in headless Chromium, run a script when it has loaded, and return the page as it then is."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")

    def run(page: Path, script: str) -> str:
        html = page.read_text(encoding="utf-8")
        end = html.rindex("</body>")
        copy = tmp_path / "driven.html"
        driver = f"<script>window.addEventListener('load', () => {{{script}}});</script>"
        copy.write_text(html[:end] + driver + html[end:], encoding="utf-8")
        options = [
            "--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1100,900", "--virtual-time-budget=8000", "--dump-dom",
        ]  # fmt: skip
        done = subprocess.run([chromium, *options, copy.as_uri()], capture_output=True, text=True, timeout=120)
        return done.stdout

    return run
