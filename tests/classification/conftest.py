from __future__ import annotations

import dataclasses

import pytest

from ..made_plates import inspector, parts, plates, server, taxonomy  # noqa: F401 - fixtures for this room


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    """No test sends a key of whoever runs it."""
    for name in ("LOOKTWICE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def one_prompter():
    """A tiny Qwen2.5-VL that is put questions to."""
    from .tiny_models import make_prompter

    return make_prompter("qwen2_5_vl")


@pytest.fixture
def pit(parts):  # noqa: F811 - the fixture
    """A dark pit with a normal reference beside it: three pictures."""
    one = parts.anomaly(10)
    return dataclasses.replace(one, views=(dataclasses.replace(one.views[0], reference=parts.plate(9)),))
