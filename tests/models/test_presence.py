"""Weights of a study are checked by name."""

from __future__ import annotations

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.presence import checked_weights, share_fixed, share_learned


def test_fixed_weights_follow_the_names_whatever_their_order() -> None:
    weights = checked_weights({"rna": 1.0, "ct": 3.0}, ("ct", "rna"), is_used=True)
    assert weights.tolist() == [3.0, 1.0]


def test_every_fault_of_fixed_weights_is_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        checked_weights({"lab": 1.0, "rna": 0.0}, ("labs", "rna"), is_used=True)
    assert caught.value.problems == (
        "fusion.fixed.lab: not a modality of this arm. Did you mean 'labs'?",
        "fusion.fixed: no weight for 'labs'. Give one.",
        "fusion.fixed.rna: found 0.0, expected a number above 0. Leave the modality out of the arm "
        "instead.",
    )


def test_fixed_weights_that_nothing_uses_are_refused() -> None:
    with pytest.raises(StudyError, match='is used only with weights = "fixed"'):
        checked_weights({"ct": 1.0}, ("ct", "rna"), is_used=False)


def test_shares_are_renormalised_over_those_present() -> None:
    present = torch.tensor([[True, True, True], [True, False, True], [False, True, False]])
    shares = share_fixed(torch.tensor([1.0, 2.0, 1.0]), present)
    assert shares.tolist() == [[0.25, 0.5, 0.25], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]


def test_learned_shares_are_safe_for_any_score() -> None:
    present = torch.tensor([[True, False], [True, True]])
    shares = share_learned(torch.tensor([[-1e30, 1e30], [0.0, 0.0]]), present)
    assert shares.tolist() == [[1.0, 0.0], [0.5, 0.5]]
