"""The errors of this module. Their messages say what is wrong and what to do; they hold no key."""

from __future__ import annotations

from typing import Optional


class NaasError(RuntimeError):
    """The server could not be asked, or refused; status is its HTTP status, if it answered."""

    def __init__(self, message: str, status: Optional[int] = None) -> None:
        super().__init__(message)
        self.status = status


class NotOfferedError(NaasError, NotImplementedError):
    """The original package has this call; nbhook does not."""
