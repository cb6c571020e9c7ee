"""A fake server on this machine: what is sent, what is refused, how faults read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tumorboard.errors import RunError, StudyError
from tumorboard.formats.language_server import LanguageServer


@contextmanager
def serving(
    body: bytes, *, status: int = 200, wait_s: float = 0.0
) -> Generator[tuple[str, list[Any]]]:
    """A server that gives one answer to everything; its address and what it was sent."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            time.sleep(wait_s)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://192.0.2.1/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Tests are quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(content: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def test_the_schema_is_sent_and_the_content_comes_back() -> None:
    with serving(answer('{"factors": []}')) as (address, asked):
        server = LanguageServer(address, "small")
        assert server.ask("do", "the note", schema={"type": "object"}) == '{"factors": []}'
    (body,) = asked
    assert body["model"] == "small"
    assert body["temperature"] == 0
    assert body["messages"][1] == {"role": "user", "content": "the note"}
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 500, "status 500"),
        (b"", 302, "status 302"),
        (b"no json", 200, "not that of an OpenAI-compatible server"),
        (b'{"choices": []}', 200, "not that of an OpenAI-compatible server"),
        (b'{"choices": [{"message": {"content": null}}]}', 200, "not that of an OpenAI"),
    ],
)
def test_faults_of_the_server(body: bytes, status: int, message: str) -> None:
    with (
        serving(body, status=status) as (address, _),
        pytest.raises(RunError, match=message) as fault,
    ):
        LanguageServer(address, "m").ask("do", "SECRET NOTE", schema={})
    assert "SECRET" not in str(fault.value)


def test_a_slow_or_absent_server() -> None:
    with (
        serving(answer("{}"), wait_s=0.5) as (address, _),
        pytest.raises(RunError, match=r"gave no answer in 0\.1 s"),
    ):
        LanguageServer(address, "m", timeout_s=0.1).ask("do", "note", schema={})
    with pytest.raises(RunError, match="cannot be reached"):
        LanguageServer("http://127.0.0.1:9/v1", "m", timeout_s=1).ask("do", "note", schema={})


@pytest.mark.parametrize("place", ["8.8.8.8", "169.254.169.254", "[2001:4860::8888]"])
def test_nothing_goes_outside(place: str) -> None:
    server = LanguageServer(f"http://{place}/v1", "m")
    with pytest.raises(RunError, match="no note is sent there"):
        server.ask("do", "note", schema={})
    LanguageServer(f"http://{place}/v1", "m", allow_remote=True).check()


@pytest.mark.parametrize(
    "place", ["127.0.0.1", "localhost", "10.1.2.3", "192.168.0.7", "[fd00::1]"]
)
def test_inside_is_allowed(place: str) -> None:
    LanguageServer(f"http://{place}:8000/v1", "m").check()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"address": "http://localhost/v1"}, r"llm\.model: Field required"),
        ({"address": "http://h/v1", "model": "m", "modle": "x"}, r"llm\.modle: Extra inputs"),
        ({"address": "localhost:8000", "model": "m"}, "expected an address such as"),
        ({"address": "file:///etc/passwd", "model": "m"}, "expected an address such as"),
        ({"address": "http://u:p@localhost/v1", "model": "m"}, "without a user's name"),
        ({"address": "http://localhost", "model": "m", "timeout_s": 0}, r"llm\.timeout_s"),
    ],
)
def test_settings_that_are_wrong(settings: dict[str, object], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        LanguageServer.of_settings(settings, where="llm")
