"""While a language model loads, its libraries keep quiet; afterwards they are as they were."""

from __future__ import annotations

import warnings

from looktwice.reasoning.loading_logs import quiet_loading


def test_bars_and_deprecations_are_kept_back_and_other_warnings_are_not():
    from transformers.utils import logging

    before = logging.is_progress_bar_enabled()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet_loading():
            assert not logging.is_progress_bar_enabled()
            warnings.warn("will go away", FutureWarning, stacklevel=1)
            warnings.warn("this matters", UserWarning, stacklevel=1)
        warnings.warn("later", FutureWarning, stacklevel=1)
    assert [str(one.message) for one in caught] == ["this matters", "later"]
    assert logging.is_progress_bar_enabled() == before
