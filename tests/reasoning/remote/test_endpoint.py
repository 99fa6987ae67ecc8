"""A model on a server: its address, and asking it with texts alone."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from looktwice.core.errors import LookTwiceError, UsageError
from looktwice.evaluation.judge import Judge
from looktwice.reasoning.remote.endpoint import Endpoint, open_chat


@pytest.fixture
def endpoint(monkeypatch):
    """A local OpenAI-compatible server that marks every answer 6 and keeps what it was sent."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append((self.path, self.headers.get("Authorization"), body))
            reply = json.dumps({"choices": [{"message": {"content": "6"}}]}).encode()
            self.send_response(200 if body["model"] == "marker" else 404)
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *arguments):
            pass

    monkeypatch.delenv("LOOKTWICE_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", received
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_judge_behind_an_endpoint(endpoint):
    url, received = endpoint
    judge = Judge(*open_chat(f"openai:marker@{url}/"))
    assert judge.model == "marker"
    assert judge.mark("q", "r", "a {with} braces") == 6.0
    path, key, body = received[0]
    assert (path, key, body["temperature"]) == ("/v1/chat/completions", "Bearer secret", 0)
    assert "a {with} braces" in body["messages"][0]["content"]
    _, ask = open_chat(f"openai:broken@{url}")
    with pytest.raises(LookTwiceError, match="refused"):
        ask("q")
    with pytest.raises(UsageError, match="not openai:MODEL@URL"):
        open_chat("gpt-4o")
    with pytest.raises(UsageError, match="unencrypted"):
        open_chat("openai:gpt-4o@http://example.com/v1")


@pytest.mark.parametrize(
    ("text", "model", "url", "local"),
    [
        ("openai:llava@http://localhost:11434", "llava", "http://localhost:11434/v1", True),
        ("openai:org/m@b@http://[::1]:80/v1/", "org/m@b", "http://[::1]:80/v1", True),
        ("openai:m@http://127.1.2.3/api", "m", "http://127.1.2.3/api", True),
        ("openai:gpt@https://api.example.com/v1", "gpt", "https://api.example.com/v1", False),
        ("openai:m@http://localhost.example.com", "m", "http://localhost.example.com/v1", False),
        ("openai:m@http://192.168.0.3", "m", "http://192.168.0.3/v1", False),
    ],
)
def test_endpoints(text, model, url, local):
    endpoint = Endpoint.parse(text)
    assert (endpoint.model, endpoint.url, endpoint.is_local) == (model, url, local)


@pytest.mark.parametrize(
    "text",
    ["llava", "openai:llava", "openai:@http://x", "openai:m@ftp://x", "openai:m@http://", "openai:m@http://u:p@x"],
)
def test_bad_endpoints(text):
    with pytest.raises(UsageError):
        Endpoint.parse(text)
