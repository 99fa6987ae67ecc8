from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from looktwice.core.errors import InputError, UsageError
from looktwice.evaluation import detection
from looktwice.evaluation.detection import evaluate_detection
from looktwice.evaluation.scorer import ScoredInput
from looktwice.evaluation.sets import draw_most, draw_references, open_sets

SIDE = (24, 36)


def write_category(root, normal=6, anomalous=5, train=4, masks=True, seed=0):
    """Grey noise; anomalous pictures have a bright box, and its mask."""
    generator = np.random.default_rng(seed)

    def picture(box):
        values = generator.integers(60, 120, SIDE).astype(np.uint8)
        if box:
            values[4:12, 6:20] = 250
        return Image.fromarray(values)

    for folder, count in (("train/good", train), ("test/good", normal), ("test/crack", anomalous)):
        (root / folder).mkdir(parents=True)
        for index in range(count):
            picture(folder == "test/crack").save(root / folder / f"{index:03d}.png")
    if masks:
        (root / "ground_truth/crack").mkdir(parents=True)
        mask = np.zeros(SIDE, np.uint8)
        mask[4:12, 6:20] = 255
        for index in range(anomalous):
            Image.fromarray(mask).save(root / f"ground_truth/crack/{index:03d}_mask.png")
    return root


class BrightnessScorer:
    """Scores by the brightest pixel; counts what it was asked and stops where it is told to."""

    threshold = 0.6

    def __init__(self, stop_after=None):
        self.asked = []
        self.stop_after = stop_after

    def score(self, paths):
        for path in paths:
            if self.stop_after is not None and len(self.asked) == self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(path)
            try:
                values = np.asarray(Image.open(path).convert("L"), np.float32) / 255
            except OSError as error:
                yield ScoredInput(error=f"cannot read {path.name}: {error}")
                continue
            yield ScoredInput(score=float(values.max()), heatmap=values)


def run(paths, scorer=None, **options):
    sets, problems = open_sets(paths)
    assert not problems
    scorer = scorer or BrightnessScorer()
    return evaluate_detection(sets, lambda _: scorer, replicates=50, **options)


def test_a_perfect_scorer_reaches_one_everywhere(tmp_path):
    result = run([write_category(tmp_path / "tile ü")])
    (row,) = result["sets"]
    assert (row["name"], row["n_normal"], row["n_anomalous"]) == ("tile ü", 6, 5)
    for name in ("image_auroc", "image_ap", "image_f1max", "pixel_auroc", "pixel_ap", "aupro", "balanced_accuracy"):
        assert row[name] == pytest.approx(1.0), name
        assert result["mean"][name] == pytest.approx(1.0)
    assert row["best_dice"] == pytest.approx(1.0)
    assert row["ci95"]["image_auroc"] == [1.0, 1.0]
    assert row["trivial"]["best"]["auroc"] == 1.0, "brightness gives these pictures away, and the result says so"
    assert row["trivial"]["width"] == 0.5
    assert row["left_out"] == row["notes"] == []
    json.dumps(result)


def test_a_constant_scorer_reaches_chance(tmp_path):
    class Constant(BrightnessScorer):
        def score(self, paths):
            for _ in paths:
                yield ScoredInput(score=0.3, heatmap=np.full((3, 3), 0.3, np.float32))

    (row,) = run([write_category(tmp_path / "tile")], Constant())["sets"]
    assert row["image_auroc"] == row["pixel_auroc"] == row["balanced_accuracy"] == 0.5
    assert row["ece"] == pytest.approx(abs(5 / 11 - 0.3))


def test_mean_weighs_sets_alike(tmp_path):
    write_category(tmp_path / "many/a", normal=20, anomalous=20)
    write_category(tmp_path / "many/b", normal=2, anomalous=2, seed=3)

    class GoodAtA(BrightnessScorer):
        def score(self, paths):
            for path, scored in zip(paths, super().score(paths), strict=True):
                yield scored if "/a/" in str(path) else ScoredInput(score=0.5)

    result = run([tmp_path / "many"], GoodAtA())
    assert [row["name"] for row in result["sets"]] == ["a", "b"]
    assert result["mean"]["image_auroc"] == pytest.approx(0.75)
    assert result["mean"]["pixel_auroc"] == pytest.approx(1.0), "sets without a figure are left out of its mean"
    assert result["mean"]["sets_averaged"] == {"image_auroc": 2, "pixel_auroc": 1}


def test_categories_of_one_name_are_told_apart(tmp_path):
    write_category(tmp_path / "one/bottle")
    write_category(tmp_path / "two/bottle")
    sets, _ = open_sets([tmp_path / "one", tmp_path / "two"])
    assert [chosen.name for chosen in sets] == ["one/bottle", "two/bottle"]
    assert [chosen.dataset for chosen in sets] == ["one", "two"]


def test_what_cannot_be_used_is_named_one_by_one_and_the_rest_evaluated(tmp_path):
    root = write_category(tmp_path / "tile")
    (root / "test/good/000.png").write_bytes(b"no picture")
    (root / "test/crack/001.png").write_bytes(b"")
    Image.fromarray(np.full((5, 5), 255, np.uint8)).save(root / "ground_truth/crack/002_mask.png")
    (row,) = run([root])["sets"]
    assert (row["n_normal"], row["n_anomalous"], row["n_with_pixels"]) == (5, 4, 8)
    found = {entry["input"].rsplit("/test/")[1]: entry for entry in row["left_out"]}
    assert set(found) == {"good/000.png", "crack/001.png", "crack/002.png"}
    assert found["good/000.png"]["of"] == "all metrics"
    assert found["crack/002.png"]["of"] == "pixel metrics"
    assert "5×5" in found["crack/002.png"]["error"]
    assert row["image_auroc"] == 1.0


@pytest.mark.parametrize("score", [float("nan"), 1.5, -0.1])
def test_scores_outside_zero_to_one_are_named(tmp_path, score):
    class Broken(BrightnessScorer):
        def score(self, paths):
            yield from [ScoredInput(score=score)] * len(paths)

    (row,) = run([write_category(tmp_path / "tile")], Broken())["sets"]
    assert row["image_auroc"] is None
    assert row["notes"] == ["no sample could be scored"]
    assert len(row["left_out"]) == 11


def test_one_class_and_missing_masks_are_null_and_said(tmp_path):
    write_category(tmp_path / "set/only_anomalous", normal=0)
    write_category(tmp_path / "set/no_masks", masks=False)
    one, two = run([tmp_path / "set"])["sets"]
    assert (one["name"], one["image_auroc"], one["pixel_auroc"]) == ("no_masks", 1.0, None)
    assert two["image_auroc"] is two["balanced_accuracy"] is None
    assert two["pixel_auroc"] == pytest.approx(1.0)
    assert any("no normal sample" in note for note in two["notes"])
    assert any("no mask" in note for note in one["notes"])


def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "BATCH", 3)
    roots = [write_category(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    expected, file = run(roots), tmp_path / "progress.jsonl"
    stopped = BrightnessScorer(stop_after=16)
    with pytest.raises(KeyboardInterrupt):
        run(roots, stopped, resume_file=file)
    with file.open("a") as progress:
        progress.write('{"set": "b", "sample": "cut o')
    again = BrightnessScorer()
    result = run(roots, again, resume_file=file)
    assert len(again.asked) == 22 - 11 - 3, "set a and one batch of b were kept"
    for one, other in zip(result["sets"], expected["sets"], strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}
    third = BrightnessScorer()
    assert run(roots, third, resume_file=file)["mean"] == result["mean"]
    assert third.asked == []


def test_mutual_scores_are_resumed_set_by_set(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "BATCH", 3)
    roots = [write_category(tmp_path / name) for name in "ab"]
    with pytest.raises(KeyboardInterrupt):
        run(roots, BrightnessScorer(stop_after=20), resume_file=tmp_path / "p", whole_sets=True)
    again = BrightnessScorer()
    run(roots, again, resume_file=tmp_path / "p", whole_sets=True)
    assert len(again.asked) == 11


def test_progress_of_another_run_is_refused(tmp_path):
    root, file = write_category(tmp_path / "a"), tmp_path / "p.jsonl"
    run([root], resume_file=file, run={"model": "one"})
    with pytest.raises(UsageError, match="a run with other settings"):
        run([root], resume_file=file, run={"model": "two"})
    (root / "test/good/000.png").unlink()
    with pytest.raises(UsageError, match="a run with other settings"):
        run([root], resume_file=file, run={"model": "one"})


def test_references_are_drawn_from_training_material_by_seed(tmp_path):
    ((chosen,), _) = open_sets([write_category(tmp_path / "a", train=10)])
    first, again, other = (draw_references(chosen, 4, seed=seed).references for seed in (0, 0, 1))
    assert first == again != other
    assert all(path.parts[-3:-1] == ("train", "good") for path in first)
    assert len(draw_references(chosen, 4).test) == 11
    with pytest.raises(InputError, match="too few"):
        draw_references(chosen, 11)


def test_without_training_material_references_leave_the_test(tmp_path):
    ((chosen,), _) = open_sets([write_category(tmp_path / "a", train=0)])
    drawn = draw_references(chosen, 4)
    assert not set(drawn.references) & {sample.path for sample in drawn.test}
    assert len(drawn.test) == 7
    assert "drawn from test/good" in drawn.notes[0]
    with pytest.raises(InputError, match="too few"):
        draw_references(chosen, 6)


def test_maps_of_any_resolution_cover_the_full_extent(tmp_path):
    class Coarse(BrightnessScorer):
        def score(self, paths):
            for scored in super().score(paths):
                picture = Image.fromarray(scored.heatmap).resize((9, 6), Image.Resampling.BOX)
                yield ScoredInput(score=scored.score, heatmap=np.asarray(picture))

    (row,) = run([write_category(tmp_path / "a")], Coarse())["sets"]
    assert row["pixel_auroc"] > 0.99


def test_folders_that_are_no_benchmark_are_reported(tmp_path):
    (tmp_path / "empty").mkdir()
    sets, problems = open_sets([write_category(tmp_path / "a"), tmp_path / "empty", tmp_path / "missing"])
    assert [chosen.name for chosen in sets] == ["a"]
    assert set(problems) == {str(tmp_path / "empty"), str(tmp_path / "missing")}


def test_no_more_than_asked_for_are_tested(tmp_path):
    (whole,), _ = open_sets([write_category(tmp_path / "a")])
    drawn = draw_most(whole, 3)
    assert [sum(sample.label == label for sample in drawn.test) for label in (0, 1)] == [3, 3]
    assert draw_most(whole, 3).test == drawn.test
    assert "at most 3" in drawn.notes[0]
    assert draw_most(whole, 100) is whole


def test_published_benchmarks_are_named_before_their_folder(tmp_path):
    write_category(tmp_path / "unpacked/bottle")
    sets, problems = open_sets([f"mvtec-ad={tmp_path / 'unpacked'}"])
    assert not problems
    assert [(one.name, one.dataset, len(one.test)) for one in sets] == [("bottle", "mvtec-ad", 11)]
    with pytest.raises(UsageError):
        open_sets([f"no-such-benchmark={tmp_path}"])


@pytest.mark.data
def test_shared_sets_are_evaluated_as_they_are_described(data_folder):
    sets, problems = open_sets([data_folder / "industrial/magnetic_tile", data_folder / "medical/chest_xray"])
    assert not problems

    class Constant(BrightnessScorer):
        def score(self, paths):
            yield from (ScoredInput(score=0.3, heatmap=np.full((2, 2), 0.3, np.float32)) for _ in paths)

    tile, chest = evaluate_detection(sets, lambda _: Constant(), replicates=10)["sets"]
    assert (tile["name"], tile["n_anomalous"], tile["n_with_pixels"]) == ("magnetic_tile", 392, len(sets[0].test))
    assert tile["pixel_auroc"] == tile["image_auroc"] == 0.5
    assert tile["left_out"] == chest["left_out"] == []
    assert (chest["n_normal"], chest["n_anomalous"], chest["pixel_auroc"]) == (250, 250, None)
    assert chest["trivial"]["best"]["auroc"] > 0.7, "this set can be ranked by file size"


def test_volumes_and_clouds_are_compared_on_their_own_grid(tmp_path):
    import nibabel as nib

    volume = tmp_path / "brain"
    for folder in ("test/good", "test/lesion", "ground_truth/lesion"):
        (volume / folder).mkdir(parents=True)
    data = np.zeros((6, 7, 8), np.float32)
    data[2:4, 2:4, 2:5] = 1
    nib.save(nib.Nifti1Image(np.zeros_like(data), np.eye(4)), volume / "test/good/sub-1_a.nii.gz")
    nib.save(nib.Nifti1Image(np.zeros_like(data), np.eye(4)), volume / "test/good/sub-1_b.nii.gz")
    nib.save(nib.Nifti1Image(data, np.eye(4)), volume / "test/lesion/sub-2.nii.gz")
    nib.save(nib.Nifti1Image(data, np.eye(4)), volume / "ground_truth/lesion/sub-2_mask.nii.gz")
    cloud = tmp_path / "part"
    for folder in ("test/good", "test/dent", "ground_truth/dent"):
        (cloud / folder).mkdir(parents=True)
    (cloud / "test/good/0.ply").write_text("ply")
    (cloud / "test/dent/0.ply").write_text("ply")
    (cloud / "test/dent/1.ply").write_text("ply")
    labels = np.arange(20) < 5
    np.savetxt(cloud / "ground_truth/dent/0_mask.txt", labels.astype(int), fmt="%d")
    np.savetxt(cloud / "ground_truth/dent/1_mask.txt", labels[:9].astype(int), fmt="%d")

    class Native(BrightnessScorer):
        def score(self, paths):
            points = np.stack([np.arange(20.0), np.zeros(20), np.zeros(20)], 1)
            for path in paths:
                if path.suffix == ".ply":
                    yield ScoredInput(score=0.5, heatmap=0.8 * labels.astype(np.float32), points=points)
                else:
                    values = nib.load(path).get_fdata(dtype=np.float32)
                    yield ScoredInput(score=float(values.max()), heatmap=values)

    brain, part = run([volume, cloud], Native())["sets"]
    assert brain["pixel_auroc"] == brain["aupro"] == 1.0
    assert brain["trivial"]["width"] is None
    assert part["pixel_auroc"] == pytest.approx(1 - 5 / 35 / 2), "5 of 35 normal points score as the anomalous ones"
    assert [entry["of"] for entry in part["left_out"]] == ["pixel metrics"]
    assert "9" in part["left_out"][0]["error"]
