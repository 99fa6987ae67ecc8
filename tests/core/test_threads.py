"""How threads wait is settled by importing the package, and by nobody who has settled it already."""

import os
import subprocess
import sys

import pytest

from looktwice.core.threads import QUIET

SHOW = f"import os, looktwice; print([os.environ[name] for name in {list(QUIET)}])"


@pytest.mark.parametrize("own", [{}, {"OMP_WAIT_POLICY": "active"}])
def test_importing_the_package_lets_idle_threads_sleep_unless_told_otherwise(own, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in QUIET} | own

    shown = subprocess.check_output([sys.executable, "-c", SHOW], env=environment, text=True, cwd=tmp_path)

    assert shown.strip() == str(list((QUIET | own).values()))


def test_a_small_product_of_matrices_runs_on_one_thread(tmp_path):
    counted = subprocess.check_output(
        [
            sys.executable,
            "-c",
            "import looktwice, numpy, threadpoolctl;"
            "print({one['num_threads'] for one in threadpoolctl.threadpool_info() if one['user_api'] == 'blas'})",
        ],
        env={name: value for name, value in os.environ.items() if name not in QUIET},
        text=True,
        cwd=tmp_path,
    )

    assert counted.strip() == "{1}"
