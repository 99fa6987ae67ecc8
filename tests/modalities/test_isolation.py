"""A reader that crashes, hangs or raises costs one input; the next is read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from looktwice.core.errors import InputError, UsageError
from looktwice.modalities.isolation import ReadingWorker, read_apart
from looktwice.modalities.pointclouds.options import check_options
from looktwice.modalities.volumes import voxels
from looktwice.modalities.volumes.voxels import RawFile


@pytest.fixture
def worker():
    made = ReadingWorker(timeout=20)
    with made.in_use():
        yield made
    made.close()


def test_a_reader_runs_in_one_process_that_is_not_this_one(worker):
    first = read_apart(os.getpid)
    assert first != os.getpid()
    assert read_apart(os.getpid) == first
    np.testing.assert_array_equal(read_apart(np.arange, 5), np.arange(5))


@pytest.mark.parametrize(
    ("reader", "argument", "said"),
    [
        (os.abort, (), r"the reader crashed \(SIGABRT\)"),
        (os._exit, (3,), r"ended itself \(exit status 3\)"),
        (os.kill, (0, 9), "killed"),
    ],
)
def test_a_death_is_one_line_and_the_next_input_is_read(worker, reader, argument, said):
    before = read_apart(os.getpid)
    if reader is os.kill:
        argument = (before, 9)
    with pytest.raises(InputError, match=said) as raised:
        read_apart(reader, *argument)
    assert "\n" not in str(raised.value)
    assert read_apart(os.getpid) != before


def test_a_reader_that_hangs_is_given_up():
    worker = ReadingWorker(timeout=1.5)
    with worker.in_use():
        read_apart(os.getpid)
        with pytest.raises(InputError, match=r"longer than 1\.5 s and was given up \(--timeout\)"):
            read_apart(time.sleep, 60)
        assert read_apart(os.getpid) > 0
    worker.close()


def test_errors_of_any_kind_are_one_line_and_keep_their_traceback(worker):
    with pytest.raises(InputError, match=r"^cannot be read \(invalid literal for int.*\)$") as raised:
        read_apart(int, "seven")
    assert "Traceback" in str(raised.value.__cause__)
    with pytest.raises(UsageError, match="unknown unit 'ell'"):
        read_apart(check_options, {"unit": "ell"})


def test_what_a_library_prints_does_not_disturb(worker):
    assert read_apart(os.write, 1, b"noise on stdout") == 15
    assert read_apart(os.path.basename, "a/b") == "b"


def test_a_large_scan_is_handed_over_in_a_file(worker, tmp_path, monkeypatch):
    values = np.arange(24, dtype=">i2").reshape((2, 3, 4), order="F")
    (tmp_path / "raw").write_bytes(b"head" + values.tobytes(order="F"))
    monkeypatch.setattr(voxels, "SLAB_BYTES", 1)
    with (tmp_path / "raw").open("rb") as file:
        function, arguments = RawFile(file, 4, (2, 3, 4), np.dtype(">i2")).__reduce__()
    taken = function(*arguments)
    np.testing.assert_array_equal(taken[0:2, 0:3, 0:4], values)
    assert not Path(arguments[0]).exists()


def test_without_a_worker_readers_run_here():
    assert read_apart(os.getpid) == os.getpid()
