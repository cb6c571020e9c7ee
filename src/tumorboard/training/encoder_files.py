"""Small files that encoders are built from, such as a tokeniser, kept with a fitted arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from tumorboard.models.encoders import Encoder
from tumorboard.models.staged_learning import StagedNetwork
from tumorboard.records import ArraySpec, FittedState

#: Name of their state among the fitted states; no modality can have it.
STATE = "encoder files"


def encoder_files(network: StagedNetwork) -> dict[str, FittedState]:
    """Their state under its name; nothing where no encoder has such files, or none is there.

    A fusion of the inputs themselves has no encoder.
    """
    arrays = {
        f"{name}/{file}": np.frombuffer(content, dtype=np.uint8)
        for name, encoder in zip(network.encoder_names, network.encoders, strict=False)
        for file, content in cast("Encoder", encoder).files().items()
    }
    return {STATE: FittedState(arrays=arrays)} if arrays else {}


def with_encoder_files(
    specs: Mapping[str, ArraySpec], states: Mapping[str, FittedState]
) -> dict[str, ArraySpec]:
    """What each modality hands to its encoder, with the files that its encoder was built from."""
    arrays = states[STATE].arrays if STATE in states else {}
    return {
        name: replace(
            spec,
            files={
                key.removeprefix(f"{name}/"): array.tobytes()
                for key, array in arrays.items()
                if key.startswith(f"{name}/")
            },
        )
        for name, spec in specs.items()
    }
