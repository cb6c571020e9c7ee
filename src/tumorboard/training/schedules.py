"""Learning rate by epoch, as a closed form: a resumed fit needs no memory of earlier epochs."""

from __future__ import annotations

import math

from tumorboard.study_keys import Schedule


def learning_rate_factor(schedule: Schedule, epoch: int, epochs: int) -> float | None:
    """Factor on every group's learning rate in `epoch` (counted from 0).

    Linear warm-up over `warmup_epochs`, then constant, steps, or half a cosine (Loshchilov &
    Hutter,
    ICLR 2017) down to zero at the last epoch.

    Returns:
        The factor; None where a plateau schedule decides.
    """
    if epoch < schedule.warmup_epochs:
        return (epoch + 1) / (schedule.warmup_epochs + 1)
    if schedule.name == "plateau":
        # the first epoch after the warm-up starts from the full rate; from then on the metric
        # decides
        return 1.0 if epoch == schedule.warmup_epochs else None
    after = epoch - schedule.warmup_epochs
    if schedule.name == "step":
        return schedule.factor ** (after // schedule.every)
    if schedule.name == "cosine":
        length = max(epochs - schedule.warmup_epochs, 1)
        return 0.5 * (1 + math.cos(math.pi * min(after / length, 1.0)))
    return 1.0
