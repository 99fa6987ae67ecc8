from __future__ import annotations

import base64
import io
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from looktwice.core.errors import LookTwiceError, UsageError
from looktwice.core.study import Modality
from looktwice.reasoning.base import Turn
from looktwice.reasoning.remote import chat_client
from looktwice.reasoning.remote.endpoint import Endpoint
from looktwice.reasoning.remote.reasoner import RemoteReasoner


class ChatServer(ThreadingHTTPServer):
    """A small server with OpenAI's chat interface; ``script`` says what it does, call by call."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []
        self.headers: list[dict[str, str]] = []
        self.script: list = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, **body})
        self.server.headers.append(dict(self.headers))
        action = self.server.script.pop(0) if self.server.script else "Yes, there is a defect in the bottom left."
        if callable(action):
            action(self)
        elif body["stream"]:
            self.stream(action)
        else:
            self.reply(200, {"choices": [{"message": {"content": action}, "finish_reason": "stop"}]})

    def reply(self, status: int, content: object, **headers: str) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def stream(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in text.split(" "):
            event = {"choices": [{"delta": {"content": f"{word} "}, "finish_reason": None}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n')

    def log_message(self, *_arguments: object) -> None:
        pass


def status(code: int, message: str = "", **headers: str):
    return lambda handler: handler.reply(code, {"error": {"message": message}}, **headers)


@pytest.fixture
def server(monkeypatch):
    for name in ("LOOKTWICE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def context(context_of):
    maps = np.full((1, 30, 30), 0.1)
    maps[0, 22:28, 1:7] = 0.9
    return context_of(maps, size=(400, 1600))


@pytest.fixture
def volume(context_of):
    maps = np.full((6, 9, 9), 0.1)
    maps[4, 7:, :2] = 0.9
    return context_of(maps, Modality.VOLUME)


def reasoner(server, **options) -> RemoteReasoner:
    return RemoteReasoner(Endpoint.parse(f"openai:some-model@{server.url}"), **options)


def pictures(request: dict) -> list[Image.Image]:
    parts = request["messages"][1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def test_a_picture_is_sent_plain_and_with_its_heatmap(server, context):
    answer = reasoner(server).explain("Is there a defect?", context)
    assert answer.kind == "remote"
    assert answer.text == "Yes, there is a defect in the bottom left."
    assert answer.fields["verdict"] == "anomalous"
    assert answer.fields["grounded"] is True
    assert answer.fields["model"] == "some-model"
    [request] = server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "some-model"
    assert request["temperature"] == 0
    plain, overlay = pictures(request)
    assert plain.size == overlay.size == (768, 192)
    difference = np.abs(np.asarray(plain, float) - np.asarray(overlay, float)).mean(axis=2)
    assert difference[150:170, 40:160].mean() > 3 * difference[20:60, 400:700].mean()
    said = request["messages"][1]["content"][0]["text"]
    assert "place: bottom left of the picture" in said
    assert "score 0.90, threshold 0.50: anomalous" in said


def test_nothing_that_names_the_input_is_sent(server, context):
    context.study.name = context.result.study = "doe_jane"
    reasoner(server).explain(None, context)
    assert "doe_jane" not in json.dumps(server.requests)


def test_a_volume_sends_its_worst_slices_by_name(server, volume):
    answer = reasoner(server).explain(None, volume)
    titles = [part["text"] for part in server.requests[0]["messages"][1]["content"] if part["type"] == "text"]
    assert titles[1:3] == ["axial slice 12, z = +4 mm", "axial slice 12, z = +4 mm, heatmap"]
    assert len(pictures(server.requests[0])) == 8
    assert answer.fields["shown"][0] == "axial slice 12, z = +4 mm"
    assert volume.study.sequence.decoded == 4


def test_later_turns_carry_what_was_said(server, context):
    reasoner(server).explain("And why?", context, [Turn("Is there a defect?", "Yes.")])
    messages = server.requests[0]["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[2]["content"] == "Yes."
    assert messages[3]["content"] == "And why?"


def test_a_streamed_reply_arrives_in_pieces(server, context):
    pieces: list[str] = []
    answer = reasoner(server).explain(None, context, on_text=pieces.append)
    assert server.requests[0]["stream"] is True
    assert len(pieces) == 9
    assert "".join(pieces).strip() == answer.text


def test_a_contradiction_is_marked(server, context):
    server.script = ["No, there are no defects."]
    fields = reasoner(server).explain(None, context).fields
    assert (fields["grounded"], fields["contradicts"], fields["verdict"]) == (False, ["verdict"], "anomalous")


def test_an_empty_or_cut_reply_is_said(server, context):
    def cut(handler):
        handler.reply(200, {"choices": [{"message": {"content": "Yes, the"}, "finish_reason": "length"}]})

    server.script = ["", cut]
    empty = reasoner(server).explain(None, context)
    assert empty.text == "The model gave no answer."
    assert empty.fields["grounded"] is False
    assert reasoner(server).explain(None, context).fields["cut"] == "length"


def test_passing_failures_are_tried_again(server, context, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr(chat_client.time, "sleep", pauses.append)
    server.script = [status(503), status(429, "busy", Retry_After="7")]
    assert reasoner(server).explain(None, context).text.startswith("Yes")
    assert pauses == [1.0, 7.0]
    server.script = [status(500, "out of memory")] * 3
    with pytest.raises(LookTwiceError, match="500: out of memory"):
        reasoner(server).explain(None, context)


@pytest.mark.parametrize(
    ("code", "advice"), [(401, "OPENAI_API_KEY"), (404, "no such model"), (400, "pictures"), (302, "final URL")]
)
def test_a_refusal_says_what_to_do_and_is_not_repeated(server, context, code, advice):
    server.script = [status(code, "no", Location="http://127.0.0.1:9/")]
    with pytest.raises(LookTwiceError, match=advice):
        reasoner(server).explain(None, context)
    assert len(server.requests) == 1


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"{}", b'{"choices": []}', b"[1]"])
def test_what_is_no_chat_server_is_told_apart(server, context, content):
    server.script = [lambda handler: handler.reply(200, content)]
    with pytest.raises(LookTwiceError, match="did not answer as an OpenAI-compatible server"):
        reasoner(server).explain(None, context)


def test_a_silent_server_times_out(server, context):
    server.script = [lambda _handler: time.sleep(1.0)]
    with pytest.raises(LookTwiceError, match=r"did not respond for 0\.2 s"):
        reasoner(server, timeout=0.2).explain(None, context)


def test_a_stream_that_breaks_off_is_not_repeated(server, context):
    def break_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b'data: {"choices": [{"delta": {"content": "Yes"}}]}\n\n')
        time.sleep(0.5)

    server.script = [break_off]
    with pytest.raises(LookTwiceError):
        reasoner(server, timeout=0.2).explain(None, context, on_text=lambda _piece: None)
    assert len(server.requests) == 1


def test_nobody_there(context, monkeypatch):
    monkeypatch.setattr(chat_client.time, "sleep", lambda _seconds: None)
    with pytest.raises(LookTwiceError, match="is the server running"):
        RemoteReasoner(Endpoint.parse("openai:m@http://127.0.0.1:9")).explain(None, context)


def test_medical_data_stays_on_this_machine(volume, context, monkeypatch):
    calls: list[object] = []

    def refuse_to_connect(self, _body):
        calls.append(self.url)
        raise LookTwiceError("called")

    monkeypatch.setattr(chat_client.ChatClient, "_open", refuse_to_connect)
    away = Endpoint.parse("openai:m@https://models.example.org")
    with pytest.raises(UsageError, match="--allow-remote"):
        RemoteReasoner(away).explain(None, volume)
    assert calls == []
    with pytest.raises(LookTwiceError, match="called"):
        RemoteReasoner(away, allow_remote=True).explain(None, volume)
    with pytest.raises(LookTwiceError, match="called"):
        RemoteReasoner(away).explain(None, context)


def test_a_proxy_in_the_environment_does_not_see_local_calls(server, context, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert reasoner(server).explain(None, context).text.startswith("Yes")


def test_the_key_comes_from_the_environment_and_travels_encrypted(server, context, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    reasoner(server).explain(None, context)
    assert server.headers[0]["Authorization"] == "Bearer secret-key"
    with pytest.raises(UsageError, match="unencrypted") as refused:
        RemoteReasoner(Endpoint.parse("openai:m@http://192.168.1.5:8000/v1"))
    assert "secret-key" not in str(refused.value)
