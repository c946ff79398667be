"""A small FastCGI responder for tests of nginx: it does what the test says, byte for byte.

FastCGI 1.0: records of version, type, request id, content length, padding length; role 1; flags bit 0
is FCGI_KEEP_CONN."""

from __future__ import annotations

import os
import socket
import struct
import threading
from dataclasses import dataclass
from typing import BinaryIO, Callable, Optional

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
HEADER = struct.Struct(">BBHHBx")


@dataclass
class Asked:
    """One request as the responder got it."""

    params: dict[str, str]
    body: bytes
    keeps_connection: bool


class Responder:
    """Listens at `path`; `respond` gives the CGI output for a request, or None to break off."""

    def __init__(self, path: str, respond: Callable[[Asked], Optional[bytes]]) -> None:
        self.asked: list[Asked] = []
        self.respond = respond
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(path)
        os.chmod(path, 0o666)
        self.listening.listen(64)
        self.path = path
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        os.unlink(self.path)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                asked = _read_request(stream)
                if asked is None:
                    continue
                self.asked.append(asked)
                output = self.respond(asked)
                if output is not None:
                    connection.sendall(_records(output))


def _read_request(stream: BinaryIO) -> Optional[Asked]:
    """None if it breaks off."""
    params, body, flags = b"", b"", 0
    while True:
        header = stream.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        _, kind, _, length, padding = HEADER.unpack(header)
        content = stream.read(length)
        stream.read(padding)
        if kind == BEGIN_REQUEST:
            flags = content[2]
        elif kind == PARAMS:
            params += content
        elif kind == STDIN and length == 0:
            return Asked(_read_params(params), body, bool(flags & 1))
        elif kind == STDIN:
            body += content


def _read_params(text: bytes) -> dict[str, str]:
    found, at = {}, 0
    while at < len(text):
        lengths = []
        for _ in range(2):
            size = 4 if text[at] & 0x80 else 1
            lengths.append(int.from_bytes(text[at:at + size], "big") & 0x7fffffff)
            at += size
        name, value = text[at:at + lengths[0]], text[at + lengths[0]:at + sum(lengths)]
        found[name.decode()] = value.decode()
        at += sum(lengths)
    return found


def _records(output: bytes) -> bytes:
    parts = [output[at:at + 65535] for at in range(0, len(output), 65535)] + [b""]
    records = b"".join(HEADER.pack(1, STDOUT, 1, len(part), 0) + part for part in parts)
    return records + HEADER.pack(1, END_REQUEST, 1, 8, 0) + b"\0" * 8
