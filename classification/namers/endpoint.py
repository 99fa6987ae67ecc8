"""Naming by a multimodal model behind an OpenAI-compatible server, its answer constrained to the class names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from looktwice.classification.anomaly import Anomaly
from looktwice.classification.naming import Naming
from looktwice.classification.prompt import SYSTEM, write_pictures, write_prompt
from looktwice.classification.taxonomy import UNKNOWN, Taxonomy
from looktwice.reasoning.remote.endpoint import Endpoint
from looktwice.reasoning.remote.reasoner import data_url

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder

ABOUT = "a multimodal model behind a server with OpenAI's chat interface"
SPECS = ("openai:MODEL@URL",)
LANGUAGE_MODEL = True

MAX_NEW_TOKENS = 300
TIMEOUT = 120.0
RETRIES = 2


def open(
    spec: str,
    taxonomy: Taxonomy,
    *,
    encoder: VisionEncoder,
    examples: Mapping[str, Sequence[Anomaly]],
    allow_remote: bool,
    device: str,
) -> EndpointNamer:
    """Connect to the server that ``openai:MODEL@URL`` names; see `Endpoint.parse` and `EndpointNamer` for errors."""
    return EndpointNamer(Endpoint.parse(spec), taxonomy, allow_remote)


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

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.classification.anomaly import AnomalyView, Contours
    >>> from looktwice.classification.taxonomy import load_taxonomies
    >>> tiles = load_taxonomies("magnetic_tile")["magnetic_tile"]
    >>> namer = EndpointNamer(Endpoint.parse("openai:llava@http://localhost:11434"), tiles)
    >>> namer.name
    'openai:llava@http://localhost:11434/v1'
    >>> view = AnomalyView(np.zeros((64, 64, 3), np.uint8), np.eye(64, dtype=bool))
    >>> naming = namer.identify(Anomaly((view,), Contours.PREDICTED))  # doctest: +SKIP
    >>> naming.is_unknown or naming.key in tiles.classes  # doctest: +SKIP
    True
    """

    def __init__(self, endpoint: Endpoint, taxonomy: Taxonomy, allow_remote: bool = False) -> None:
        self.name, self.version = f"openai:{endpoint.model}@{endpoint.url}", ""
        self.taxonomy, self.endpoint, self.allow_remote = taxonomy, endpoint, allow_remote
        self._client = endpoint.connect(TIMEOUT, RETRIES)

    def identify(self, anomaly: Anomaly) -> Naming:
        """Name one anomaly; an answer that is no class name is unknown, with the problem said.

        Raises
        ------
        UsageError
            Medical data would leave this machine, and that is not allowed.
        LookTwiceError
            The server cannot be reached, refuses, or does not speak the interface.
        """
        if anomaly.medical:
            self.endpoint.admit_medical(self.allow_remote)
        content: list[dict[str, Any]] = []
        for title, picture in write_pictures(anomaly):
            content += [{"type": "text", "text": title}, {"type": "image_url", "image_url": {"url": data_url(picture)}}]
        content.append({"type": "text", "text": write_prompt(self.taxonomy, anomaly)})
        reply = self._client.complete(
            {
                "model": self.endpoint.model,
                "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}],
                "temperature": 0,
                "max_tokens": MAX_NEW_TOKENS,
                "response_format": answer_format(self.taxonomy),
            }
        )
        return read_answer(reply.text, self.taxonomy, reply.tokens)


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
        problem = f"the model's answer does not have the requested format: {' '.join(text.split())[:80]!r}"
        return Naming(UNKNOWN, None, "", tokens=tokens, problem=problem)
    given = answer.get("confidence")
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    confidence = min(1.0, max(0.0, float(given))) if is_number else None
    if shown.strip().lower() == UNKNOWN:
        return Naming(UNKNOWN, confidence, why, tokens=tokens)
    key = taxonomy.key_of(shown)
    if key is None:
        problem = f"the model answered {shown[:60]!r}, which is not a class of the taxonomy"
        return Naming(UNKNOWN, confidence, why, tokens=tokens, problem=problem)
    return Naming(key, confidence, why, tokens=tokens)
