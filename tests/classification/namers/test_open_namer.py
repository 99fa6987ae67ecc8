from __future__ import annotations

import pytest

from looktwice.classification.namers import open_namer
from looktwice.core.errors import UsageError


def test_nobody_of_that_name(taxonomy):
    with pytest.raises(UsageError, match="'gpt'"):
        open_namer("gpt", taxonomy, None)
