"""``looktwice doctor``: what is installed, what is missing, and what to do about it."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import platform
import sys
from typing import Any

import typer
from rich import box
from rich.table import Table

from looktwice.commands import terminal

PACKAGES = (
    "torch", "torchvision", "timm", "onnx", "transformers", "peft", "accelerate", "monai", "nibabel", "pydicom",
    "highdicom", "SimpleITK", "open3d-cpu", "scikit-image", "scikit-learn", "nilearn", "plotly", "typer",
)  # fmt: skip
EXTRAS = {
    "pytorch3d": ("easypytorch3d", "pip install 'looktwice[pytorch3d]'", "renders point clouds on a GPU"),
    "dev": ("pytest", "pip install 'looktwice[dev]'", "tests and linters"),
}
LIBRARIES = {"usb-1.0": "libusb-1.0-0", "GL": "libgl1", "gomp": "libgomp1"}


def doctor(
    as_json: bool = typer.Option(False, "--json", help="Write one JSON object to stdout, and nothing else."),
) -> None:
    """Show versions, device, extras and weights, and how to fix what is missing.

    Exit status: 0 if the default model can run, 1 if something is missing.
    """
    from looktwice.core.version import __version__

    advice = _library_advice()
    packages = {name: _version_of(name) for name in PACKAGES}
    advice += [
        f"{name} is missing: pip install --upgrade looktwice" for name, version in packages.items() if not version
    ]
    device = _device()
    weights = {name: not missing for name, missing in _missing_weights().items()}
    if not weights["nano"]:
        advice.append("weights of nano are missing: looktwice models pull nano")
    extras = {name: _version_of(package) for name, (package, _, _) in EXTRAS.items()}
    report: dict[str, Any] = {
        "looktwice": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(terse=True),
        "device": device,
        "packages": packages,
        "extras": extras,
        "weights": weights,
        "advice": advice,
    }
    if as_json:
        terminal.emit(report)
    else:
        _print(report)
    raise typer.Exit(1 if advice else 0)


def _print(report: dict[str, Any]) -> None:
    table = Table(box=box.SIMPLE, show_header=False)
    for key in ("looktwice", "python", "platform", "device"):
        table.add_row(key, str(report[key]))
    for name, version in report["packages"].items():
        table.add_row(name, version or "[red]missing[/]")
    for name, version in report["extras"].items():
        _, command, purpose = EXTRAS[name]
        table.add_row(f"extra {name}", version or f"not installed ({purpose}): {command}".replace("[", "\\["))
    for name, here in report["weights"].items():
        table.add_row(f"weights {name}", "available" if here else f"missing: looktwice models show {name}")
    terminal.stdout.print(table)
    for line in report["advice"] or ["no problems found"]:
        terminal.stdout.print(line, markup=False)


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _library_advice() -> list[str]:
    if sys.platform != "linux":
        return []
    missing = [package for library, package in LIBRARIES.items() if not ctypes.util.find_library(library)]
    return [f"Open3D needs system libraries: sudo apt-get install -y {' '.join(missing)}"] if missing else []


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return f"cpu ({torch.get_num_threads()} threads)"


def _missing_weights() -> dict[str, list[str]]:
    from looktwice.models import MODELS, missing_weights

    return {name: missing_weights(spec) for name, spec in MODELS.items()}
