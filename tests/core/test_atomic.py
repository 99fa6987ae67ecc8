from __future__ import annotations

import json

import pytest

from looktwice.core.atomic import atomic_path, write_json


def test_the_file_appears_when_the_block_ends_well(tmp_path):
    path = tmp_path / "map.nii.gz"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.name.endswith(".nii.gz")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_stays_when_the_block_fails(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "record.json"
    write_json({"name": "Größe", "where": tmp_path}, file, default=str)
    assert json.loads(file.read_text(encoding="utf-8")) == {"name": "Größe", "where": str(tmp_path)}
    assert "Größe" in file.read_text(encoding="utf-8")
    before = file.read_bytes()
    with pytest.raises(TypeError):
        write_json({"where": tmp_path}, file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
