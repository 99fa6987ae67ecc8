from __future__ import annotations

import shutil

import pytest

from looktwice.classification.examples import examine_examples, find_examples
from looktwice.core.errors import UsageError


def test_examples_are_read_with_their_masks(inspector, taxonomy, plates, tmp_path, parts):
    for kind, name in (("pit", "pit"), ("blob", "bright blob")):
        folder = tmp_path / "examples" / name
        folder.mkdir(parents=True)
        shutil.copy(plates / "test" / kind / "000.png", folder)
        shutil.copy(plates / "ground_truth" / kind / "000_mask.png", folder)
    (tmp_path / "examples" / "pit" / "bad.png").write_text("no picture")
    entries = find_examples(tmp_path / "examples", taxonomy)
    assert {key: len(group) for key, group in entries.items()} == {"pit": 2, "blob": 1}
    inspector = inspector.comparing_with(plates / "train" / "good")
    anomalies, outlined, problems = examine_examples(inspector, entries)
    assert sorted(one.kind for one in outlined) == ["blob", "pit"]
    assert (anomalies["pit"][0].views[0].mask == parts.disc((20, 24))).all()
    assert len(problems) == 1
    assert "example of pit" in problems[0]
    (tmp_path / "examples" / "dent").mkdir()
    with pytest.raises(UsageError, match="dent is not a class"):
        find_examples(tmp_path / "examples", taxonomy)
    with pytest.raises(UsageError, match="contains no examples"):
        find_examples(tmp_path / "nothing", taxonomy)
