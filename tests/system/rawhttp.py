"""Requests as they are written: other clients mend a broken URL before they send it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any, Optional

from running import RunningSite


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def send(site: RunningSite, method: str, target: str, headers: Optional[dict[str, str]] = None,
         body: Optional[bytes] = None) -> Reply:
    """A request to nginx whose target goes out as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", site.layout.port, timeout=30)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
