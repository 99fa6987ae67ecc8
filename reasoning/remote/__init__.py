"""Any server with OpenAI's chat interface (vLLM, Ollama, llama.cpp, hosted ones) as a reasoner."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder
    from looktwice.reasoning.remote.reasoner import RemoteReasoner

ABOUT = "any server with OpenAI's chat interface"
AUTHOR = "Written by a remote language model; the measured values below decide."
SPECS = ("openai:MODEL@URL",)


def open(
    spec: str, *, encoder: VisionEncoder, allow_remote: bool, device: str, max_visual_tokens: int | None
) -> RemoteReasoner:
    """Return a reasoner that asks a server; it is called when there is something to explain.

    Raises
    ------
    UsageError
        `spec` is not ``openai:MODEL@URL``, or a key would travel unencrypted to another machine.
    """
    from looktwice.reasoning.remote.endpoint import Endpoint
    from looktwice.reasoning.remote.reasoner import RemoteReasoner

    return RemoteReasoner(Endpoint.parse(spec), allow_remote, author=AUTHOR)
