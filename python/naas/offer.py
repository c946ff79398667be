"""Names of the original package for things that nbhook does not do."""

from __future__ import annotations

from typing import Any, NoReturn

from .environment import __version__
from .errors import NotOfferedError


class NotOffered:
    """Stands for a function, or for a group of them; whatever is called raises NotOfferedError."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> NotOffered:
        # IPython, copy and pickle ask for private names, and must hear that there are none.
        if name.startswith("_"):
            raise AttributeError(name)
        return NotOffered(f"{self._name}.{name}")

    def __call__(self, *_args: Any, **_keywords: Any) -> NoReturn:
        raise NotOfferedError(f"{self._name}() is not offered by nbhook {__version__}")

    def __repr__(self) -> str:
        return f"<{self._name}: not offered by nbhook {__version__}>"
