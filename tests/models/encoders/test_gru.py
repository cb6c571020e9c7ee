"""GRU over visits: order by time, absent visits, gaps between visits."""

from __future__ import annotations

import torch

from tumorboard.models.encoders.gru import Gru
from tumorboard.records import ArraySpec

SPEC = ArraySpec("tokens", (4, 3))


def make_encoder(layers: int = 1) -> Gru:
    torch.manual_seed(0)
    return Gru(SPEC, size=6, layers=layers).eval()


def test_places_of_visits_and_absent_ones_change_nothing() -> None:
    for encoder in (make_encoder(), make_encoder(layers=2)):
        x = torch.randn(3, 4, 3)
        expected = encoder(x)
        torch.testing.assert_close(encoder(x[:, [2, 0, 3, 1]]), expected)
        longer = torch.cat([x[:, :1], torch.full((3, 2, 3), torch.nan), x[:, 1:]], dim=1)
        torch.testing.assert_close(encoder(longer), expected)


def test_equals_a_loop_over_the_visits_of_one_patient() -> None:
    encoder = make_encoder()
    x = torch.randn(1, 3, 3)
    x[0, :, 2] = torch.tensor([0.5, -1.0, 0.0])
    state = torch.zeros(1, 1, 6)
    for index, since in ((1, 0.0), (2, 1.0), (0, 0.5)):
        visit = torch.cat([x[0, index], torch.tensor([since])]).view(1, 1, 4)
        _, state = encoder.network(visit, state)
    torch.testing.assert_close(encoder(x), encoder.norm(state[0]))


def test_no_visit_is_finite_and_lets_no_gradient_become_nan() -> None:
    encoder = make_encoder()
    x = torch.randn(2, 4, 3)
    x[1] = torch.nan
    embedding = encoder(x)
    embedding.square().sum().backward()
    assert bool(torch.isfinite(embedding).all())
    for parameter in encoder.parameters():
        assert parameter.grad is not None
        assert bool(torch.isfinite(parameter.grad).all())
