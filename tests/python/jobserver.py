"""A server on the loopback that plays /job, for the tests of the module."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

TOP = Path(__file__).resolve().parents[2]
TOKEN = "5e" * 30


class JobServer:
    """Plays /job: keeps what it was asked, answers from a dictionary of jobs by path."""

    def __init__(self):
        self.requests = []
        self.jobs = {}
        self.refusal = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                url = urlsplit(self.path)
                query = {key: values[-1] for key, values in parse_qs(url.query).items()}
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                content = json.loads(body) if body else None
                server.requests.append((self.command, url.path, query, content,
                                        self.headers["Authorization"]))
                status, answer, headers = server.answer(self.command, query, content)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *_args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def answer(self, method, query, content):
        if self.refusal is not None:
            return self.refusal
        if method == "GET" and not query:
            return 200, list(self.jobs.values()), {}
        path = content["path"] if content else query["path"]
        if method == "POST" and content["status"] != "delete":
            status = "edited" if path in self.jobs else "installed"
            self.jobs[path] = {"type": "notebook", "path": path, "status": status, "value": TOKEN,
                               "params": content["params"],
                               "url": f"https://hooks.example/webhook/{TOKEN}"}
            return 200, {"id": "1", "status": status, "data": list(self.jobs.values())}, {}
        if path not in self.jobs:
            return 404, {"id": "1", "status": "error", "error": "job not found"}, {}
        if method == "POST":
            del self.jobs[path]
            return 200, {"id": "1", "status": "delete", "data": list(self.jobs.values())}, {}
        return 200, self.jobs[path], {}
