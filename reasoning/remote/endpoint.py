"""A language model on a server: its address, its key, and whether medical data may go there."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from looktwice.core.errors import UsageError
from looktwice.reasoning.remote.chat_client import ChatClient

PREFIX = "openai:"
KEY_VARIABLES = ("LOOKTWICE_API_KEY", "OPENAI_API_KEY")


@dataclass(frozen=True)
class Endpoint:
    """A model on a server.

    Attributes
    ----------
    model : str
    url : str
        Base address, with the version path ("http://localhost:11434/v1").

    Examples
    --------
    >>> endpoint = Endpoint.parse("openai:llava@http://localhost:11434")
    >>> endpoint.model, endpoint.url, endpoint.is_local
    ('llava', 'http://localhost:11434/v1', True)
    """

    model: str
    url: str

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read ``openai:MODEL@URL``; an address without a path gets ``/v1``.

        Raises
        ------
        UsageError
            Not of that form.
        """
        model, _, url = text.removeprefix(PREFIX).rpartition("@")
        parts = urlsplit(url)
        if not text.startswith(PREFIX) or not model or parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{text!r} is not openai:MODEL@URL, such as openai:llava@http://localhost:11434/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise UsageError(
                f"the URL of {model!r} may contain only host, port and path; API keys are read from the environment"
            )
        return cls(model, url.rstrip("/") + ("" if parts.path.strip("/") else "/v1"))

    @property
    def is_local(self) -> bool:
        """Whether the server is this machine, by its address: localhost, 127.0.0.0/8 or ::1.

        Other names are not looked up: what they resolve to can change between the look and the call.
        """
        host = urlsplit(self.url).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def connect(self, timeout: float, retries: int) -> ChatClient:
        """Return a client of the server; its key, if any, comes from the environment.

        Raises
        ------
        UsageError
            A key is set and would travel unencrypted to another machine.
        """
        key = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), None)
        if key and not self.is_local and not self.url.startswith("https:"):
            raise UsageError(f"the API key would be sent to {self.url} unencrypted; use https, or unset the key")
        return ChatClient(self.url, key, timeout, retries, direct=self.is_local)

    def admit_medical(self, allow_remote: bool) -> None:
        """Let medical data pass to a server on this machine, and to another one only where that is allowed.

        Raises
        ------
        UsageError
            It would leave this machine, and that is not allowed.
        """
        if not self.is_local and not allow_remote:
            raise UsageError(
                f"medical data is not sent to {urlsplit(self.url).hostname}; use a server on this machine, or add "
                "--allow-remote if you are allowed to send it"
            )


def open_chat(spec: str, timeout: float = 60.0, retries: int = 2) -> tuple[str, Callable[[str], str]]:
    """Open a model for texts alone; nothing of a study is sent.

    Parameters
    ----------
    spec : str
        ``openai:MODEL@URL``. The key, if any, comes from the environment.
    timeout : float
        Longest wait for the server to say something, in seconds.
    retries : int
        How often a call is tried again that failed for a passing reason.

    Returns
    -------
    model : str
        Its name.
    ask : callable
        Sends a prompt and returns the reply; the model is asked for its likeliest words.

    Raises
    ------
    UsageError
        `spec` has another form, or a key would travel unencrypted to another machine.
    """
    endpoint = Endpoint.parse(spec)
    client = endpoint.connect(timeout, retries)

    def ask(prompt: str) -> str:
        message = {"role": "user", "content": prompt}
        return client.complete({"model": endpoint.model, "messages": [message], "temperature": 0}).text

    return endpoint.model, ask
