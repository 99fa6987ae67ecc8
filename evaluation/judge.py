"""The GPT score: a language model marks an answer against the reference.

Which model and which prompt gave a figure is part of the figure; both are recorded with it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from looktwice.errors import UsageError

PROMPT = """You mark an answer about a possible anomaly in an image. You do not see the image; the reference is right.
Compare what is stated: whether there is an anomaly, where it is, what it looks like, what kind it is, and what follows
from it. Ignore style and length. 10 means that all of it agrees and nothing is invented, 0 that nothing agrees.

Question: {question}
Reference: {reference}
Answer: {answer}

Reply with one whole number from 0 to 10 and nothing else."""

KEY_VARIABLE = "OPENAI_API_KEY"
TIMEOUT = 60.0
_SPEC = re.compile(r"openai:(?P<model>.+)@(?P<url>https?://\S+)")
_MARK = re.compile(r"\b(10|\d)(?:\.0+)?\b")


@dataclass(frozen=True)
class Judge:
    """Marks answers from 0 to 10.

    Attributes
    ----------
    model : str
        Name of the model, for the record.
    ask : callable
        Sends a prompt to the model and returns its reply.
    prompt : str
        With the fields ``{question}``, ``{reference}`` and ``{answer}``.
    """

    model: str
    ask: Callable[[str], str]
    prompt: str = PROMPT

    def mark(self, question: str, reference: str, answer: str) -> float | None:
        """Return the mark, or None where the reply holds none."""
        found = _MARK.search(self.ask(self.prompt.format(question=question, reference=reference, answer=answer)))
        return None if found is None else float(found.group(1))


def open_judge(spec: str) -> Judge:
    """Open a judge behind an OpenAI-compatible endpoint, given as ``openai:MODEL@URL``.

    ``URL`` is the base, as in ``http://localhost:8000/v1``. The key, if any, comes from ``OPENAI_API_KEY``. Only
    texts are sent: question, reference and answer.

    Raises
    ------
    UsageError
        `spec` has another form; while asking: the endpoint does not answer.
    """
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise UsageError(f"judge {spec!r} is not openai:MODEL@URL, as in openai:gpt-4o@https://api.openai.com/v1")
    model, url = found["model"], found["url"].rstrip("/")
    return Judge(model, lambda prompt: _complete(url, model, prompt))


def _complete(url: str, model: str, prompt: str) -> str:
    body = {"model": model, "temperature": 0, "messages": [{"role": "user", "content": prompt}]}
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(KEY_VARIABLE):
        headers["Authorization"] = f"Bearer {key}"
    request = Request(f"{url}/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urlopen(request, timeout=TIMEOUT) as response:
            reply: Any = json.load(response)
        return str(reply["choices"][0]["message"]["content"])
    except (URLError, TimeoutError, ValueError, KeyError, IndexError, TypeError) as error:
        raise UsageError(f"the judge {model} at {url} gave no answer: {error}") from None
