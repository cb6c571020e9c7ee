import pytest
import torch

from tumorboard.study_keys import Schedule
from tumorboard.training.schedules import learning_rate_factor


def factors(schedule: Schedule, epochs: int) -> list[float | None]:
    return [learning_rate_factor(schedule, epoch, epochs) for epoch in range(epochs)]


def test_cosine_equals_torch() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)
    expected = []
    for _ in range(12):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert factors(Schedule(name="cosine"), 12) == pytest.approx(expected)


def test_steps_and_warm_up_by_hand() -> None:
    steps = Schedule(name="step", every=2, factor=0.1, warmup_epochs=2)
    expected = [1 / 3, 2 / 3, 1, 1, 0.1, 0.1]
    assert factors(steps, 6) == pytest.approx(expected)
    assert factors(Schedule(name="none"), 3) == [1.0, 1.0, 1.0]


def test_a_plateau_decides_after_the_warm_up() -> None:
    assert factors(Schedule(name="plateau", warmup_epochs=1), 4) == [0.5, 1.0, None, None]
