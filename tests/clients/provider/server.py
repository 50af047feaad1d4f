"""The provider of these tests as an HTTP server: every dialect, strict about what it takes, and it remembers.

`GET /seen` lists the requests so far, with what was understood of them whatever the dialect (`question`), and says whether their reader stayed to the end. A model named `slow` pauses between
the pieces of a stream, `fails` reports an error amid it, `breaks` ends it without its end; `cites` answers
with a citation; `status-503` answers with that status.
"""

import json
import sys
import threading
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

from . import anthropic_messages, bedrock, cohere_chat, gemini, mind, openai_chat, openai_responses, operations

PAUSE = 0.05


class Provider(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, key: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = key
        self.seen: list[dict] = []
        # Conversations that the provider keeps, by the id of their last reply.
        self.threads: dict[str, list[dict]] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that leaves is part of the tests; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_GET(self) -> None:
        self.send_json(200, self.server.seen)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.noted = {"path": self.path, "headers": headers, "body": raw.decode(errors="replace"), "complete": False}
        self.server.seen.append(self.noted)
        if self.path.startswith("/model/"):
            return bedrock.serve(self, raw)
        path = self.path.split("?")[0]
        if said := operations.answer(path, headers.get("content-type", ""), raw):
            return self.send(200, *said)
        body = json.loads(raw)
        dialects = {"/v1/chat/completions": openai_chat, "/v1/responses": openai_responses, "/v2/chat": cohere_chat}
        dialect = dialects.get(path, anthropic_messages)
        if asked := gemini.of_path(self.path):
            dialect, body = gemini, {**body, "model": asked["model"], "stream": asked["stream"]}
        if status := self.bad_credential(dialect) or self.asked_status(body):
            return self.send_json(status, dialect.error(status, f"scripted {status}"))
        betas = headers.get("anthropic-beta", "")
        thread = "message-threads-2026-08-12" in betas and body.pop("thread", None)
        if thread and body["model"] == "no-threads":
            return self.send_json(400, anthropic_messages.no_threads())
        if thread and thread["type"] == "continue":
            body["messages"] = self.server.threads[thread["previous_message_id"]] + body["messages"]
        if path == "/v1/messages/count_tokens":
            refused = anthropic_messages.refusal_of_count(body, betas)
        elif dialect is not anthropic_messages:
            counted = asked and body.get("generateContentRequest")
            refused = dialect.refusal(counted or body) or (asked and gemini.refusal_of_place(asked, body))
        else:
            refused = anthropic_messages.refusal(body, headers.get("anthropic-version", ""), betas)
        if refused:
            return self.send_json(400, dialect.error(400, refused))
        if asked and asked["method"] == "countTokens":
            return self.send_json(200, {"totalTokens": len(raw.split())})
        if path == "/v1/messages/count_tokens":
            return self.send_json(200, {"input_tokens": len(raw.split())})
        question = dialect.question(body)
        self.noted["question"] = asdict(question)
        said = mind.answer(question)
        if body.get("stream"):
            self.send_stream(self.spoilt(dialect, body, dialect.stream(body, said)), PAUSE if body["model"] == "slow" else 0)
        else:
            reply = dialect.reply(body, said)
            if thread:
                reply["id"] = f"msg_thread_{len(self.server.threads)}"
                self.server.threads[reply["id"]] = [*body["messages"], {"role": "assistant", "content": reply["content"]}]
            self.send_json(200, reply)

    def bad_credential(self, dialect: object) -> int | None:
        named = {anthropic_messages: "x-api-key", gemini: "x-goog-api-key"}.get(dialect)
        bare = self.headers.get(named) if named else None
        return None if self.server.key in (bare, (self.headers.get("authorization") or "").removeprefix("Bearer ")) else 401

    @staticmethod
    def asked_status(body: dict) -> int | None:
        name = body.get("model", "")
        return int(name.removeprefix("status-")) if name.startswith("status-") else None

    @staticmethod
    def spoilt(dialect, body: dict, pieces):
        """The stream as it is, or its first pieces and then what a failing provider sends."""
        if body["model"] not in ("fails", "breaks"):
            return pieces
        begun = list(islice(pieces, 5))
        event = "event: error\n" if dialect is anthropic_messages else ""
        failure = f"{event}data: {json.dumps(dialect.error(500, 'scripted failure'))}\n\n"
        return [*begun, failure] if body["model"] == "fails" else begun

    def send_json(self, status: int, body: object) -> None:
        self.send(status, "application/json", json.dumps(body).encode())

    def send(self, status: int, kind: str, out: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
        if hasattr(self, "noted"):
            self.noted["complete"] = True

    def send_stream(self, pieces, pause: float) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for piece in pieces:
                out = piece.encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(out), out))
                self.wfile.flush()
                time.sleep(pause)
            self.wfile.write(b"0\r\n\r\n")
            self.noted["complete"] = True
        except (BrokenPipeError, ConnectionResetError):
            self.noted["gone"] = True
            self.close_connection = True

    def log_message(self, *words: object) -> None:
        """Nobody reads it."""
