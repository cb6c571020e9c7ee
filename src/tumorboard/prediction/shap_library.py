"""The shap library, imported without the warnings that its own import gives."""

from __future__ import annotations

import warnings
from typing import Any


def shap_library() -> Any:
    """The module `shap`, without types; imported on the first call, which takes seconds."""
    with warnings.catch_warnings():
        # shap 0.51 sets colours of a colour map the way that matplotlib 3.11 will deprecate.
        warnings.filterwarnings("ignore", "The set_(bad|over|under) function", Warning)
        import shap

    return shap
