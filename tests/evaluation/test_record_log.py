from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.core.errors import UsageError
from looktwice.evaluation.record_log import RecordLog


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.dictionaries(st.text(), st.integers())), st.integers(0, 30))
def test_what_was_whole_when_a_run_stopped_is_read_again(tmp_path_factory, records, cut):
    folder = tmp_path_factory.mktemp("run")
    log = RecordLog(folder, "a/b", {"seed": 1})
    for key, record in records.items():
        log.add(key, record)
    (path,) = folder.iterdir()
    assert path.name == "a_b.progress.jsonl"
    header = len(json.dumps({"seed": 1})) + 1
    path.write_bytes(path.read_bytes()[: max(header, path.stat().st_size - cut)])
    kept = RecordLog(folder, "a/b", {"seed": 1}).records
    assert kept.items() <= records.items()
    assert cut or kept == records
    for key, record in records.items():
        RecordLog(folder, "a/b", {"seed": 1}).add(key, record)
    assert RecordLog(folder, "a/b", {"seed": 1}).records == records


def test_a_file_of_another_run_is_refused_and_without_a_folder_nothing_is_kept(tmp_path):
    RecordLog(tmp_path, "plate", {"seed": 1})
    with pytest.raises(UsageError, match="a run with other settings"):
        RecordLog(tmp_path, "plate", {"seed": 2})
    log = RecordLog(None, "plate", {"seed": 1})
    log.add("a", {})
    assert log.records == {}
