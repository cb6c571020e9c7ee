"""What every encoder of visits does with their times and with visits that did not happen."""

from __future__ import annotations

import torch

from tumorboard.errors import StudyError
from tumorboard.records import ArraySpec


def check_tokens(spec: ArraySpec, *, where: str) -> None:
    """Refuse visits without a time.

    Raises:
        StudyError: Fewer than two features: the time and one more.
    """
    if spec.sizes[1] < 2:
        raise StudyError(
            f"{where}: found {spec.sizes[1]} feature per visit, expected the time and at least one "
            "more. Name the columns of the visits."
        )


def present_and_filled(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T) whether a visit happened, and (B, T, F) zeros where it did not.

    A visit with any NaN did not happen: what is missing within one is the modality's to fill.
    """
    present = ~x.isnan().any(dim=2)
    return present, torch.where(present.unsqueeze(2), x, torch.zeros_like(x))


def by_time(x: torch.Tensor, present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Visits sorted by their time (the last feature), those that did not happen at the end.

    Returns:
        (B, T, F) sorted visits and (B, T) whether they happened.
    """
    times = x[:, :, -1].masked_fill(~present, torch.inf)
    order = times.argsort(dim=1, stable=True)
    return x.take_along_dim(order.unsqueeze(2), dim=1), present.take_along_dim(order, dim=1)
