"""What every baseline asks of the outcomes of its training patients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError


def check_classes(target: NDArray[Any], *, n_classes: int) -> None:
    """Refuse to fit where the training patients are all of one class.

    Raises:
        InputError: Fewer than two classes.
    """
    found = np.unique(target)
    if len(found) < 2:
        raise InputError(
            f"baseline: the training patients are all of one class of {n_classes} (number "
            f"{', '.join(str(int(c)) for c in found) or 'none'}); expected at least two. "
            "Use fewer folds, or leave the rare class out with task.classes."
        )
