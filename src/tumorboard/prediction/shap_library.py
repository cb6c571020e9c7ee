"""The shap library without its side effects: warnings on import, NumPy's global generator."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np


def shap_library() -> Any:
    """The module `shap`, without types; imported on the first call, which takes seconds."""
    with warnings.catch_warnings():
        # shap 0.51 sets colours of a colour map the way that matplotlib 3.11 will deprecate.
        warnings.filterwarnings("ignore", "The set_(bad|over|under) function", Warning)
        import shap

    return shap


@contextmanager
def global_draws(seed: int) -> Generator[None]:
    """NumPy's global generator, which shap draws from, begins at `seed` and is put back."""
    state = np.random.get_state()  # noqa: NPY002 shap takes no generator
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
