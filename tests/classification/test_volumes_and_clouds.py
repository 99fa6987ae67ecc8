"""Volumes and clouds from file to class, with the shipped model: painted flaws at known places."""

from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import open3d as o3d
import pytest

from looktwice.classification.anomaly import OVERLAPPING_VIEWS
from looktwice.classification.classifier import Classifier, write_classification
from looktwice.classification.namers import open_namer
from looktwice.classification.namers.endpoint import EndpointNamer
from looktwice.classification.prompt import write_pictures, write_prompt
from looktwice.classification.taxonomy import load_taxonomies, select
from looktwice.core.errors import UsageError
from looktwice.pipeline import Inspector
from looktwice.reasoning.remote.reasoner import Endpoint

from ..made_plates import detect

CENTRE_MM, RADIUS_MM = np.array([28.0, -20.0, 30.0]), 12.0


@pytest.fixture(scope="module")
def inspector():
    return Inspector("nano", device="cpu", llm="template")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """The MNI template as it is, and with a bright ball in the right white matter."""
    folder = tmp_path_factory.mktemp("scans")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nilearn.datasets import load_mni152_template
    template = load_mni152_template(resolution=3)
    values = np.asarray(template.dataobj, np.float32).copy()
    grid = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), axis=-1)
    world = grid @ template.affine[:3, :3].T + template.affine[:3, 3]
    nib.save(nib.Nifti1Image(values, template.affine), folder / "normal.nii.gz")
    values[np.linalg.norm(world - CENTRE_MM, axis=-1) <= RADIUS_MM] = 1.6 * np.percentile(values, 99.5)
    nib.save(nib.Nifti1Image(values, template.affine), folder / "painted.nii.gz")
    return folder


@pytest.fixture(scope="module")
def torus(tmp_path_factory):
    """A dented torus: its file, its points, and how far each of them is from the dent."""
    mesh = o3d.geometry.TriangleMesh.create_torus(1.0, 0.4, 120, 70)
    mesh.compute_vertex_normals()
    points, normals = np.asarray(mesh.vertices).copy(), np.asarray(mesh.vertex_normals)
    middle = np.argmin(np.linalg.norm(points - [1.0, 0.0, 0.4], axis=1))
    apart = np.linalg.norm(points - points[middle], axis=1)
    mesh.vertices = o3d.utility.Vector3dVector(
        points - 0.25 * np.exp(-((apart / 0.15) ** 2))[:, None] * normals[middle]
    )
    path = tmp_path_factory.mktemp("parts") / "dented.ply"
    o3d.io.write_triangle_mesh(str(path), mesh)
    return path, apart


def taxonomy_of(name):
    return select(load_taxonomies(name), None)


@pytest.fixture(scope="module")
def lesion(inspector, scans):
    taxonomy = taxonomy_of("brain_mri")
    inspector = inspector.comparing_with(scans / "normal.nii.gz", show_references=True)
    namer = open_namer("measured", taxonomy, inspector.expert.encoder)
    return Classifier(namer).classify(detect(inspector, scans / "painted.nii.gz"))


def test_a_lesion_is_named_by_the_slice_that_shows_it(lesion):
    assert lesion.key == "white_matter_lesion"
    assert "bright" in lesion.naming.why
    [view] = lesion.anomaly.views
    z = float(view.name.rpartition("z = ")[2].removesuffix(" mm"))
    assert abs(z - CENTRE_MM[2]) <= RADIUS_MM
    # Radiological: the patient's right is the picture's left. The ball is the only saturated thing there.
    assert np.nonzero(view.mask)[1].mean() < view.mask.shape[1] / 2
    bright = view.image.min(axis=2) > 250
    assert (view.mask & bright).sum() > 0.5 * (view.mask | bright).sum()


def test_the_regions_measurements_are_those_of_the_whole_volume(lesion):
    facts = lesion.to_json()["region"]
    painted = 4 / 3 * np.pi * RADIUS_MM**3
    assert 0.3 * painted < facts["volume_mm3"] < 3 * painted
    assert facts["laterality"] == "right"
    assert facts["measurements"]["contrast"] > 1
    assert "centroid" not in facts


def test_a_language_model_is_shown_three_pictures_of_a_scan_and_its_volume(lesion, tmp_path):
    anomaly, taxonomy = lesion.anomaly, taxonomy_of("brain_mri")
    titles = [title for title, _ in write_pictures(anomaly)]
    name = anomaly.views[0].name
    assert titles == [f"{name}, normal reference", name, f"{name}, region in red"]
    # The reference's slice lies at the same height: it shows the same outline.
    reference, image = anomaly.views[0].reference, anomaly.views[0].image
    assert reference.shape == image.shape
    assert ((reference > 20) == (image > 20)).mean() > 0.95
    assert "volume mm3 " in write_prompt(taxonomy, anomaly)
    artifacts = write_classification(lesion, lesion.to_json(), tmp_path)
    assert set(artifacts) == {"contour_predicted", "shown_predicted", "json"}
    with pytest.raises(UsageError, match="medical data is not sent"):
        EndpointNamer(Endpoint("m", "https://example.org/v1"), taxonomy).identify(anomaly)


def test_a_dent_is_named_by_the_two_views_that_show_it_best(inspector, torus, tmp_path):
    path, apart = torus
    taxonomy = taxonomy_of("surface_3d")
    namer = open_namer("measured", taxonomy, inspector.expert.encoder)
    found = Classifier(namer).classify(detect(inspector, path))
    assert found.key == "dent"
    views = found.anomaly.views
    assert len({view.name for view in views}) == OVERLAPPING_VIEWS == 2
    # What the contours enclose, brought back to the points, is the dent.
    study = found.detection.study
    all_views = study.views()
    maps = np.zeros((len(all_views), *views[0].mask.shape), np.float32)
    names = [view.name for view in all_views]
    for view in views:
        maps[names.index(view.name)] = view.mask
    lifted = study.lift(maps).values
    assert np.median(apart[lifted >= 0.9 * lifted.max()]) < 0.3
    record = found.to_json()
    assert record["region"]["view"] == views[0].name
    assert record["region"]["area"] > 0
    titles = [title for title, _ in write_pictures(found.anomaly)]
    assert [title for title in titles if title.endswith("in red")] == [f"{one.name}, region in red" for one in views]
    assert len(write_classification(found, record, tmp_path)) == 2 * OVERLAPPING_VIEWS + 1


def test_references_of_another_kind_are_a_note_and_too_few_an_error_unless_only_shown(inspector, scans, torus):
    with pytest.raises(UsageError, match="at least 3 references"):
        inspector.comparing_with(scans / "normal.nii.gz")
    shown = inspector.comparing_with(scans / "normal.nii.gz", show_references=True)
    assert any("not compared with other inputs" in note for note in detect(shown, torus[0]).notes)
