"""Naming by a multimodal model behind an OpenAI-compatible server, its answer constrained to the class names."""

from __future__ import annotations

import io
import json
import os
from typing import Any
from urllib.parse import urlsplit

from looktwice.classification.naming import Naming
from looktwice.classification.prompt import SYSTEM, write_pictures, write_prompt
from looktwice.classification.specimen import Specimen
from looktwice.classification.taxonomy import UNKNOWN, Taxonomy
from looktwice.errors import UsageError
from looktwice.reasoning.base import TextSink
from looktwice.reasoning.chat_client import MOST_BYTES, ChatClient, Reply
from looktwice.reasoning.remote import KEY_VARIABLES, Endpoint, data_url

MAX_NEW_TOKENS = 300
TIMEOUT = 120.0
RETRIES = 2


class EndpointNamer:
    """Asks a server, by structured output: one of the class names, a confidence and a reason.

    Parameters
    ----------
    endpoint : Endpoint
    taxonomy : Taxonomy
    allow_remote : bool
        Medical data may leave this machine.

    Raises
    ------
    UsageError
        A key is set and would travel unencrypted to another machine.
    """

    def __init__(self, endpoint: Endpoint, taxonomy: Taxonomy, allow_remote: bool = False) -> None:
        self.name = f"openai:{endpoint.model}@{endpoint.url}"
        self.taxonomy, self.endpoint, self.allow_remote = taxonomy, endpoint, allow_remote
        key = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), None)
        if key and not endpoint.is_local and not endpoint.url.startswith("https:"):
            raise UsageError(f"{endpoint.url} would get the API key unencrypted; use https, or unset the key")
        self._client = MeteredClient(endpoint.url, key, TIMEOUT, RETRIES, direct=endpoint.is_local)

    def identify(self, specimen: Specimen) -> Naming:
        """Name one finding; an answer that is no class name is unknown, with the problem said.

        Raises
        ------
        UsageError
            Medical data would leave this machine, and that is not allowed.
        LookTwiceError
            The server cannot be reached, refuses, or does not speak the interface.
        """
        if specimen.medical and not self.endpoint.is_local and not self.allow_remote:
            raise UsageError(
                f"medical data is not sent to {urlsplit(self.endpoint.url).hostname}; use a server on this machine, or "
                "give --allow-remote if you may"
            )
        content: list[dict[str, Any]] = []
        for title, picture in write_pictures(specimen):
            content += [{"type": "text", "text": title}, {"type": "image_url", "image_url": {"url": data_url(picture)}}]
        content.append({"type": "text", "text": write_prompt(self.taxonomy, specimen)})
        reply = self._client.complete(
            {
                "model": self.endpoint.model,
                "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}],
                "temperature": 0,
                "max_tokens": MAX_NEW_TOKENS,
                "response_format": answer_format(self.taxonomy),
            }
        )
        return read_answer(reply.text, self.taxonomy, self._client.used)


def answer_format(taxonomy: Taxonomy) -> dict[str, Any]:
    """Return the JSON schema that the server holds the answer to (OpenAI's structured output)."""
    names = [entry.name for entry in taxonomy.classes.values()]
    properties = {
        "reason": {"type": "string"},
        "class": {"type": "string", "enum": [*names, UNKNOWN]},
        "confidence": {"type": "number"},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "anomaly_class", "strict": True, "schema": schema}}


def read_answer(text: str, taxonomy: Taxonomy, tokens: dict[str, int]) -> Naming:
    """Read a structured answer.

    Servers that pass over the schema may answer otherwise; free text is not searched for a class name, it is unknown.
    """
    try:
        answer = json.loads(text)
        shown, why = str(answer["class"]), str(answer.get("reason", ""))
    except (ValueError, KeyError, TypeError):
        problem = f"the model did not answer in the form asked for: {' '.join(text.split())[:80]!r}"
        return Naming(UNKNOWN, None, "", tokens=tokens, problem=problem)
    given = answer.get("confidence")
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    confidence = min(1.0, max(0.0, float(given))) if is_number else None
    if shown.strip().lower() == UNKNOWN:
        return Naming(UNKNOWN, confidence, why, tokens=tokens)
    key = taxonomy.key_of(shown)
    if key is None:
        problem = f"the model answered {shown[:60]!r}, which is no class of the taxonomy"
        return Naming(UNKNOWN, confidence, why, tokens=tokens, problem=problem)
    return Naming(key, confidence, why, tokens=tokens)


class MeteredClient(ChatClient):
    """A chat client that also keeps how many tokens the last call took.

    Attributes
    ----------
    used : dict of str to int
        ``prompt`` and ``answer``, as far as the server says.
    """

    used: dict[str, int]

    def _read(self, response: Any, on_text: TextSink | None) -> Reply:
        body = response.read(MOST_BYTES)
        try:
            usage = json.loads(body).get("usage") or {}
            counts = {"prompt": usage.get("prompt_tokens"), "answer": usage.get("completion_tokens")}
            self.used = {name: int(count) for name, count in counts.items() if isinstance(count, int)}
        except (ValueError, AttributeError):
            self.used = {}
        return super()._read(_Body(body, response.headers), on_text)


class _Body(io.BytesIO):
    """A reply that has been read once already."""

    def __init__(self, body: bytes, headers: Any) -> None:
        super().__init__(body)
        self.headers = headers
