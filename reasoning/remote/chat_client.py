"""A client for OpenAI's chat completions, on the standard library: time-outs, retries, streaming, clear errors."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, NoReturn

from looktwice.core.errors import LookTwiceError
from looktwice.reasoning.base import TextSink

PASSING = (408, 409, 425, 429, 500, 502, 503, 504)
"""Status codes after which a second try may succeed."""

LONGEST_PAUSE = 30.0
MOST_BYTES = 8 << 20
"""A reply longer than this is no chat reply."""

_ADVICE = {
    400: "the model may not take pictures; give one that does",
    401: "set OPENAI_API_KEY to a valid key",
    403: "the key may not use this model",
    404: "there is no such model or path; check MODEL and URL",
    413: "the pictures are too large for it",
    429: "it is overloaded; try later",
}


@dataclass(frozen=True)
class Reply:
    """What the server said.

    Attributes
    ----------
    text : str
    cut : {"length"} or None
        The longest length allowed was reached.
    tokens : dict of str to int
        ``prompt`` and ``answer``, as far as the server says; a streamed reply does not.

    Examples
    --------
    >>> reply = Reply("A scratch.", cut=None, tokens={"prompt": 700, "answer": 4})
    >>> sum(reply.tokens.values())
    704
    """

    text: str
    cut: str | None
    tokens: dict[str, int] = field(default_factory=dict)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A server may not pass pictures on to another."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow no redirection; the status is then an error."""


class ChatClient:
    """Calls one server.

    Parameters
    ----------
    url : str
        Base address; ``/chat/completions`` is appended.
    key : str or None
    timeout : float
        Longest silence, in seconds.
    retries : int
        Further tries after a passing failure, with growing pauses.
    direct : bool
        Go past proxies named in the environment, as for a server on this machine.

    Examples
    --------
    >>> client = ChatClient("http://localhost:11434/v1", key=None, timeout=60, retries=2, direct=True)
    >>> request = {"model": "llava", "messages": [{"role": "user", "content": "What is a dent?"}]}
    >>> text = client.complete(request).text  # doctest: +SKIP
    """

    def __init__(self, url: str, key: str | None, timeout: float, retries: int, direct: bool) -> None:
        self.url = url
        self.timeout = timeout
        self.retries = retries
        self._headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if direct:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def complete(self, request: dict[str, Any], on_text: TextSink | None = None) -> Reply:
        """Send one request and return the reply; with `on_text`, it is streamed.

        A call that broke off after it began to stream is not tried again.

        Raises
        ------
        LookTwiceError
            Unreachable, silent for too long, refused, or not an OpenAI-compatible reply.
        """
        body = json.dumps({**request, "stream": on_text is not None}).encode()
        with self._open(body) as response:
            try:
                return self._read(response, on_text)
            except (OSError, HTTPException) as error:
                self._unreachable(error)

    def _open(self, body: bytes) -> Any:
        """Send a request until it is taken, or there is no hope."""
        call = urllib.request.Request(f"{self.url}/chat/completions", body, self._headers, method="POST")
        for attempt in range(self.retries + 1):
            last = attempt == self.retries
            try:
                return self._opener.open(call, timeout=self.timeout)
            except urllib.error.HTTPError as error:
                if last or error.code not in PASSING:
                    self._refused(error)
                time.sleep(_pause(attempt, error.headers.get("Retry-After")))
            except (OSError, HTTPException) as error:
                if last or _is_timeout(error):
                    self._unreachable(error)
                time.sleep(_pause(attempt))
        raise AssertionError("the last attempt returns or raises")

    def _read(self, response: Any, on_text: TextSink | None) -> Reply:
        try:
            if "text/event-stream" in response.headers.get("Content-Type", ""):
                return _read_stream(response, on_text)
            body = json.loads(response.read(MOST_BYTES))
            choice = body["choices"][0]
            text = str(choice["message"]["content"] or "").strip()
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise LookTwiceError(f"{self.url} did not answer as an OpenAI-compatible server; check the URL") from error
        if on_text is not None and text:
            on_text(text)
        return Reply(text, _cut(choice), _tokens(body.get("usage")))

    def _refused(self, error: urllib.error.HTTPError) -> NoReturn:
        if 300 <= error.code < 400:
            raise LookTwiceError(f"{self.url} redirects to another address; give the final URL") from error
        advice = _ADVICE.get(error.code, "see its log")
        said = _message(error)
        raise LookTwiceError(f"{self.url} refused ({error.code}{said}); {advice}") from error

    def _unreachable(self, error: Exception) -> NoReturn:
        if _is_timeout(error):
            raise LookTwiceError(f"{self.url} did not respond for {self.timeout:g} s; is the model loaded?") from error
        reason = getattr(error, "reason", error)
        raise LookTwiceError(f"{self.url} cannot be reached ({reason}); is the server running?") from error


def _read_stream(response: Any, on_text: TextSink | None) -> Reply:
    """Read server-sent events until ``[DONE]``."""
    pieces: list[str] = []
    cut = None
    for event in _events(response):
        choices = event.get("choices") or []
        if not choices:
            continue
        piece = choices[0].get("delta", {}).get("content")
        if piece:
            pieces.append(piece)
            if on_text is not None:
                on_text(piece)
        cut = _cut(choices[0]) or cut
    return Reply("".join(pieces).strip(), cut)


def _events(response: Any) -> Iterator[dict[str, Any]]:
    read = 0
    for raw in response:
        read += len(raw)
        line = raw.decode("utf-8", errors="replace").strip()
        if line == "data: [DONE]":
            return
        if read > MOST_BYTES:
            yield {"choices": [{"finish_reason": "length"}]}
            return
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def _cut(choice: dict[str, Any]) -> str | None:
    return "length" if choice.get("finish_reason") == "length" else None


def _tokens(usage: object) -> dict[str, int]:
    counts = usage if isinstance(usage, dict) else {}
    said = {"prompt": counts.get("prompt_tokens"), "answer": counts.get("completion_tokens")}
    return {name: count for name, count in said.items() if isinstance(count, int)}


def _message(error: urllib.error.HTTPError) -> str:
    """Return ": what the server said", in one short line, if it said something readable."""
    try:
        said = json.loads(error.read(MOST_BYTES))
        said = said.get("error", said) if isinstance(said, dict) else said
        said = said.get("message", said) if isinstance(said, dict) else said
    except (ValueError, OSError):
        return ""
    return f": {' '.join(str(said).split())[:200]}" if said else ""


def _pause(attempt: int, asked: str | None = None) -> float:
    """Return how long to wait before the next try, in seconds: what the server asks, else 1, 2, 4 ..."""
    try:
        return min(float(asked or ""), LONGEST_PAUSE)
    except ValueError:
        return min(2.0**attempt, LONGEST_PAUSE)


def _is_timeout(error: Exception) -> bool:
    return isinstance(getattr(error, "reason", error), TimeoutError)
