"""Late average against the mean by hand."""

from __future__ import annotations

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Tokens
from tumorboard.models.fusion.late_average import LateAverage
from tumorboard.models.guides import Context, Guide, MapShape

PROBABILITIES = [
    torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]),
    torch.tensor([[0.5, 0.5], [0.2, 0.8], [0.1, 0.9]]),
]
PRESENT = torch.tensor([[True, True], [True, False], [False, True]])


def test_mean_of_those_present() -> None:
    fused = LateAverage(("ct", "rna"), (2, 2))(PROBABILITIES, PRESENT)
    torch.testing.assert_close(fused.vector, torch.tensor([[0.7, 0.3], [0.6, 0.4], [0.1, 0.9]]))


def test_fixed_weights() -> None:
    fusion = LateAverage(("ct", "rna"), (2, 2), weights="fixed", fixed={"ct": 3.0, "rna": 1.0})
    fused = fusion(PROBABILITIES, PRESENT)
    assert fused.weights is not None
    assert fused.weights.tolist() == [[0.75, 0.25], [1.0, 0.0], [0.0, 1.0]]
    # 0.75 x 0.9 + 0.25 x 0.5 = 0.8
    assert fused.vector[0].tolist() == pytest.approx([0.8, 0.2])


def test_nothing_is_learned() -> None:
    assert list(LateAverage(("ct", "rna"), (2, 2)).parameters()) == []


def make_guide(**settings: object) -> Guide:
    torch.manual_seed(0)
    shape = MapShape((4, 8), 2, 2, 1)
    guide = LateAverage.guide(
        ("notes", "record"), (3, 2), shape, **{"weights": "equal", "fixed": {}, **settings}
    )
    for parameter in guide.parameters():
        torch.nn.init.normal_(parameter)
    return guide


def make_context() -> Context:
    vectors = (torch.randn(2, 3), torch.randn(2, 2))
    ones = torch.ones(2, 1, dtype=torch.bool)
    tokens = tuple(Tokens(vector.unsqueeze(1), ones) for vector in vectors)
    places = torch.tensor([-1.0, 1.0]).expand(2, 2, 2)
    return Context(vectors, tokens, torch.tensor([[True, True], [False, True]]), places)


def test_masks_are_pooled_with_the_weights_of_the_study() -> None:
    """What each modality says of a place counts by its weight over that of the image."""
    context, logits = make_context(), torch.randn(2, 1, 8, 8)
    equal = make_guide()
    said = equal.logits(logits, context) - logits
    weights = {"mri": 2.0, "notes": 1.0, "record": 1.0}
    halved = make_guide(weights="fixed", fixed=weights)
    torch.testing.assert_close(halved.logits(logits, context) - logits, said / 2)
    shares = halved.shares()
    assert shares is not None
    torch.testing.assert_close(shares, torch.tensor([[0.5, 0.25, 0.25], [2 / 3, 0, 1 / 3]]))


def test_weights_of_a_guide_name_the_image_and_every_other() -> None:
    with pytest.raises(StudyError, match="no weight for 'record'"):
        make_guide(weights="fixed", fixed={"mri": 2.0, "notes": 1.0})
    with pytest.raises(StudyError, match="no weight for 'the image'"):
        make_guide(weights="fixed", fixed={"record": 2.0, "notes": 1.0})
