"""Count the verdicts that differ between ``looktwice inspect`` and ``looktwice classify`` beside the same references.

Usage: ``python benchmarks/one_detector.py DATA [--count 200] [--references 8]``. DATA holds ``magnetic_tile`` and
``deeppcb`` in the MVTec AD layout; half of the inputs come from each. Exit status 1 where any verdict differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SETS = {"magnetic_tile": "magnetic_tile", "deeppcb": "circuit_board"}


def records(command: str, inputs: list[Path], references: list[Path], *more: str) -> list[dict]:
    """Return the JSON objects that a command prints."""
    told = [word for path in references for word in ("--references", str(path))]
    call = [str(Path(sys.executable).with_name("looktwice")), command, *map(str, inputs), *told]
    done = subprocess.run([*call, *more, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--references", type=int, default=8)
    arguments = parser.parse_args()
    differing = compared = 0
    for name, taxonomy in SETS.items():
        root = arguments.data / name
        references = sorted((root / "train" / "good").iterdir())[: arguments.references]
        listed = sorted(path for path in (root / "test").glob("*/*") if path not in references)
        inputs = listed[:: max(1, len(listed) // (arguments.count // len(SETS)))][: arguments.count // len(SETS)]
        with tempfile.TemporaryDirectory() as out:
            inspected = records("inspect", inputs, references, "--no-explain", "--out", out)
        classified = records("classify", inputs, references, "--taxonomy", taxonomy)
        pairs = list(zip(inspected, classified, strict=True))
        different = [one["input"] for one, other in pairs if one["verdict"] != other["verdict"]]
        apart = max(abs(one["score"] - other["score"]) for one, other in pairs)
        print(f"{name}: {len(different)} of {len(pairs)} verdicts differ; scores by {apart:.1e} at most", flush=True)
        differing, compared = differing + len(different), compared + len(pairs)
    print(f"{differing} of {compared} verdicts differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
