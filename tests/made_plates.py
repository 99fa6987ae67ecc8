"""Made plates with known flaws, an inspector that costs nothing, and a server that answers what it is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from looktwice.classification.anomaly import Anomaly, AnomalyView, Contours, Detection
from looktwice.classification.taxonomy import parse_taxonomies, select

from .made_studies import TINY, silence

TAXONOMY = """
category: plate
normal: An even grey plate.
strategy: Look at the tone first.
classes:
  pit: {description: A small dark pit., severity: defect, traits: [dark]}
  blob: {name: bright blob, description: A bright blob., severity: negligible, traits: [bright]}
"""


@pytest.fixture
def taxonomy():
    return select(parse_taxonomies(TAXONOMY, "plate.yaml"), None)


@pytest.fixture
def inspector(tiny_encoder, tmp_path):
    """An inspector whose own evidence says nothing, so that comparisons decide."""
    import torch

    from looktwice.encoders.registry import create_encoder
    from looktwice.evidence.config import ExpertConfig
    from looktwice.evidence.expert import build_expert
    from looktwice.evidence.self_reference_maps import FeatureLevel
    from looktwice.pipeline import Inspector

    levels = (FeatureLevel(1, 3), FeatureLevel(2, 3), FeatureLevel(3, 3))
    torch.manual_seed(0)
    expert = build_expert(create_encoder(tiny_encoder), ExpertConfig(tiny_encoder, {}, 8, levels, TINY))
    for probe in (expert.fusion.map_probe, expert.fusion.view_probe):
        torch.nn.init.zeros_(probe.linear.weight)
        torch.nn.init.zeros_(probe.linear.bias)
    silence(expert)
    expert.save(tmp_path / "silent.safetensors")
    return Inspector(str(tmp_path / "silent.safetensors"), device="cpu", llm="template")


def detect(inspector, path):
    """Return what an inspector detects in one input, as it is handed on to be named."""
    return Detection.of(inspector.look(path), inspector.map_threshold, inspector.reference_view)


def plate(seed: int, tone: int | None = None, at=(40, 24), radius=7) -> np.ndarray:
    """An even grey plate with grain; with a disc of a tone where one is given."""
    image = np.random.default_rng(seed).normal(120, 4, (64, 64, 3))
    if tone is not None:
        image[disc(at, radius)] = tone
    return image.clip(0, 255).astype(np.uint8)


def disc(at=(40, 24), radius=7) -> np.ndarray:
    rows, columns = np.ogrid[:64, :64]
    return (rows - at[0]) ** 2 + (columns - at[1]) ** 2 <= radius**2


def anomaly(tone: int, seed: int = 0, at=(40, 24), **options) -> Anomaly:
    return Anomaly((AnomalyView(plate(seed, tone, at), disc(at)),), Contours.ORACLE, **options)


def answer(name, confidence=0.9) -> str:
    """Return what a server answers that keeps to the form asked for."""
    return json.dumps({"reason": "dark", "class": name, "confidence": confidence})


@pytest.fixture(scope="session")
def parts():
    """The makers of plates: ``plate``, ``disc`` and ``anomaly``."""
    return SimpleNamespace(plate=plate, disc=disc, anomaly=anomaly)


@pytest.fixture
def plates(tmp_path):
    """A benchmark folder with two kinds of flaw, and normal plates."""
    root = tmp_path / "plate"
    seed = 0
    for split, kind, tone, count in (
        ("train", "good", None, 8),
        ("test", "good", None, 2),
        ("test", "pit", 10, 4),
        ("test", "blob", 240, 4),
    ):
        folder = root / split / kind
        folder.mkdir(parents=True)
        for number in range(count):
            seed += 1
            at = (20 + 5 * number, 24)
            Image.fromarray(plate(seed, tone, at)).save(folder / f"{number:03d}.png")
            if tone is not None:
                masks = root / "ground_truth" / kind
                masks.mkdir(parents=True, exist_ok=True)
                Image.fromarray(disc(at)).save(masks / f"{number:03d}_mask.png")
    return root


@pytest.fixture
def server():
    """A chat server; ``replies`` are given in turn (the last one for ever), ``requests`` are kept."""
    state = SimpleNamespace(replies=["{}"], requests=[], url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            state.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            text = state.replies.pop(0) if len(state.replies) > 1 else state.replies[0]
            usage = {"prompt_tokens": 900, "completion_tokens": 30}
            body = json.dumps({"choices": [{"message": {"content": text}}], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{running.server_port}/v1"
    yield state
    running.shutdown()
    running.server_close()
