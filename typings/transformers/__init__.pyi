"""All of transformers is of unknown type: reading what it declares takes a minute of each check."""

from typing import Any

def __getattr__(name: str) -> Any: ...
