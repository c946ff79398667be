"""The least that plays a notebook: sends the cells and drains the sockets, keeps nothing, writes nothing.

For each line of standard input, a JSON list of sources, starts a Python kernel over ipc and prints the seconds
from the end of the first cell to the end of the last one. A cell ends with its reply and its idle.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from typing import Optional

import zmq

PORTS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
DELIMITER = b"<IDS|MSG>"


class RawClient:
    def __init__(self, folder: str) -> None:
        self.key = uuid.uuid4().hex.encode()
        self.context = zmq.Context()
        self.shell = self._connect(folder, zmq.DEALER, "shell_port")
        self.iopub = self._connect(folder, zmq.SUB, "iopub_port")
        self.poller = zmq.Poller()
        for socket in (self.shell, self.iopub):
            self.poller.register(socket, zmq.POLLIN)
        path = os.path.join(folder, "kernel.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"transport": "ipc", "ip": os.path.join(folder, "s"), "key": self.key.decode(),
                       "signature_scheme": "hmac-sha256", **PORTS}, file)
        self.kernel = subprocess.Popen(
            ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", path,
             "--HistoryManager.hist_file=:memory:"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _connect(self, folder: str, kind: int, port: str) -> zmq.Socket:
        socket = self.context.socket(kind)
        socket.rcvhwm = 0
        socket.linger = 0
        socket.reconnect_ivl = 1
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(f"ipc://{folder}/s-{PORTS[port]}")
        return socket

    def send(self, kind: str, content: dict) -> bytes:
        identity = uuid.uuid4().hex
        header = {"msg_id": identity, "msg_type": kind, "session": "raw", "username": "raw",
                  "date": "2000-01-01T00:00:00Z", "version": "5.3"}
        parts = [json.dumps(header).encode(), b"{}", b"{}", json.dumps(content).encode()]
        signature = hmac.new(self.key, b"".join(parts), hashlib.sha256).hexdigest().encode()
        self.shell.send_multipart([DELIMITER, signature, *parts])
        return identity.encode()

    def drain(self, identity: bytes, reply: bytes, patience_ms: Optional[int] = None) -> bool:
        """Until the request's reply and idle have come, or nothing for so long; whether both have."""
        replied = idle = False
        while not (replied and idle):
            ready = self.poller.poll(patience_ms)
            if not ready:
                return False
            for socket, _ in ready:
                while True:
                    try:
                        parts = socket.recv_multipart(zmq.NOBLOCK)
                    except zmq.Again:
                        break
                    at = parts.index(DELIMITER)
                    if identity not in parts[at + 3]:
                        continue
                    replied = replied or reply in parts[at + 2]
                    idle = idle or b'"execution_state": "idle"' in parts[at + 5]
        return True

    def wait_for_ready(self) -> None:
        while not self.drain(self.send("kernel_info_request", {}), b"kernel_info_reply", 1000):
            continue

    def play(self, sources: list[str]) -> float:
        begin = time.monotonic()
        for number, source in enumerate(sources):
            if number == 1:
                begin = time.monotonic()
            identity = self.send("execute_request", {
                "code": source, "silent": False, "store_history": True, "user_expressions": {},
                "allow_stdin": False, "stop_on_error": True})
            self.drain(identity, b"execute_reply")
        return time.monotonic() - begin

    def close(self) -> None:
        self.kernel.kill()
        self.kernel.wait()
        self.context.destroy(linger=0)


def main() -> None:
    for line in sys.stdin:
        with tempfile.TemporaryDirectory(prefix="raw-") as home:
            os.environ.update(HOME=home, IPYTHONDIR=home, PYDEVD_DISABLE_FILE_VALIDATION="1")
            client = RawClient(home)
            client.wait_for_ready()
            print(f"{client.play(json.loads(line)):.4f}", flush=True)
            client.close()


if __name__ == "__main__":
    main()
