"""Networks of a deep ensemble that are finished while others are still to be trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from tumorboard.cache import write_atomic, write_text
from tumorboard.models.staged_learning import StagedNetwork

_WEIGHTS, _HISTORY = "weights.safetensors", "history.json"


def keep_member(network: StagedNetwork, history: list[dict[str, float]], folder: Path) -> None:
    """Keep a finished network with its training curve; the weights come last, so all is there."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / _HISTORY, json.dumps(history))
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    write_atomic(folder / _WEIGHTS, lambda path: save_file(tensors, path))


def is_kept(folder: Path) -> bool:
    """Whether the network of this folder is finished."""
    return (folder / _WEIGHTS).is_file()


def reopen_member(network: StagedNetwork, folder: Path) -> list[dict[str, float]]:
    """Put the kept weights into the network; gives its training curve."""
    from safetensors.torch import load_file

    network.load_state_dict(load_file(folder / _WEIGHTS), strict=True)
    history = json.loads((folder / _HISTORY).read_text(encoding="utf-8"))
    return cast("list[dict[str, float]]", history)
