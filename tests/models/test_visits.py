"""Visits: which happened, and their order in time."""

from __future__ import annotations

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.visits import by_time, check_tokens, present_and_filled
from tumorboard.records import ArraySpec

NAN = float("nan")


def test_visits_with_any_nan_did_not_happen_and_stand_last() -> None:
    x = torch.tensor([[[5.0, 2.0], [NAN, -9.0], [7.0, -1.0], [NAN, NAN]]])
    present, filled = present_and_filled(x)
    assert present.tolist() == [[True, False, True, False]]
    assert filled.tolist() == [[[5.0, 2.0], [0.0, 0.0], [7.0, -1.0], [0.0, 0.0]]]
    visits, happened = by_time(filled, present)
    assert visits.tolist() == [[[7.0, -1.0], [5.0, 2.0], [0.0, 0.0], [0.0, 0.0]]]
    assert happened.tolist() == [[True, True, False, False]]


def test_a_time_alone_is_refused() -> None:
    check_tokens(ArraySpec("tokens", (4, 2)), where="gru")
    with pytest.raises(StudyError, match="gru: found 1 feature per visit, expected the time"):
        check_tokens(ArraySpec("tokens", (4, 1)), where="gru")
