"""Whether each modality helps, by how much and for whom: honest multimodal studies of cohorts."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumorboard.verbs.check import check
    from tumorboard.verbs.compare import compare
    from tumorboard.verbs.evaluate import evaluate
    from tumorboard.verbs.fit import fit
    from tumorboard.verbs.open import open
    from tumorboard.verbs.score import score
    from tumorboard.verbs.simulate import simulate

__version__ = "0.1.0"
__all__ = ["__version__", "check", "compare", "evaluate", "fit", "open", "score", "simulate"]


def __getattr__(name: str) -> object:
    """A verb, imported when it is first used: `import tumorboard` loads nothing heavy."""
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module 'tumorboard' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tumorboard.verbs.{name}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
