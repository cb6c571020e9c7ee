"""Rules of masks: cases made by hand, where the right choice is known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.mask_rules import ChosenRule, MaskRule, choose_rule
from tumorboard.records import Bools, Floats

SPACING = (1.0, 1.0, 1.0)
Case = tuple[Floats, Bools, tuple[float, ...]]


def ball(radius: float, at: float = 16) -> Bools:
    axes = [np.arange(40) - at, np.arange(32) - 16, np.arange(32) - 16]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    return x**2 + y**2 + z**2 <= radius**2


def case(inside: Bools, reference: Bools, *, high: float = 0.95) -> Case:
    return np.where(inside, high, 0.01), reference, SPACING


def chosen(*cases: Case, **settings: object) -> ChosenRule:
    return choose_rule(iter(cases), **settings)  # pyright: ignore[reportArgumentType]


def test_nothing_to_gain_leaves_the_plainest() -> None:
    found = chosen(case(ball(8), ball(8)), case(ball(6), ball(6)))
    assert found == ChosenRule(MaskRule(), 1.0, 1.0, 2)


def test_far_false_lesions_of_any_size_ask_for_the_largest() -> None:
    cases = [case(ball(9) | ball(r, at=33), ball(9)) for r in (4.0, 5.0, 6.0)]
    found = chosen(*cases, sizes=(0.0, 0.05))
    assert found.rule == MaskRule(keep_largest=True)
    assert found.dice == 1
    assert found.plain_dice < 0.95


def test_two_true_lesions_and_specks_ask_for_a_size() -> None:
    reference = ball(8) | ball(5, at=33)
    specks = reference.copy()
    specks[::4, 0, 0] = specks[::4, 0, 4] = specks[0, ::4, 30] = True
    specks[::4, 30, ::4] |= True
    found = chosen(*[case(specks, reference)] * 3)
    assert found.rule == MaskRule(smallest_ml=0.01)
    assert found.dice == 1


def test_a_timid_model_asks_for_a_lower_threshold() -> None:
    p = np.where(ball(8), np.where(ball(5), 0.9, 0.45), 0.05)
    found = chosen((p, ball(8), SPACING), (p, ball(8), SPACING))
    assert found.rule == MaskRule(threshold=0.4)  # 0.3 is as good and further from 0.5


def test_holes_are_filled_where_that_helps() -> None:
    found = chosen(case(ball(9) & ~ball(6), ball(9)))
    assert found.rule == MaskRule(fill_holes=True)
    assert chosen(case(ball(9) & ~ball(6), ball(9)), holes=(False,)).rule == MaskRule()


def test_a_gain_under_the_least_is_no_reason() -> None:
    inside = ball(9)
    inside[39, 0, :4] = True  # four voxels of 3,000
    assert chosen(case(inside, ball(9))).rule == MaskRule()


def test_a_rightly_empty_case_counts_in_full() -> None:
    speck = ball(2)
    found = chosen(case(speck, np.zeros_like(speck)), case(ball(9), ball(9)))
    assert found.plain_dice == 0.5
    assert found.rule == MaskRule(smallest_ml=0.05)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_what_is_chosen_is_what_is_applied(dtype: type) -> None:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    cases = []
    for _ in range(3):
        noise = gaussian_filter(rng.standard_normal((24, 20, 16)), 1.5)
        p = (1 / (1 + np.exp(-8 * noise))).astype(dtype)
        cases.append((p, gaussian_filter(noise, 1) > 0.05, (1.0, 1.0, 2.0)))
    found = choose_rule(cases, sizes=(0.0, 0.05, 0.5))
    masks = [found.rule.apply(p, voxel_volume=0.002) for p, _, _ in cases]
    dice = [
        2 * (m & r).sum() / (m.sum() + r.sum()) for m, (_, r, _) in zip(masks, cases, strict=True)
    ]
    assert found.dice == pytest.approx(float(np.mean(dice)))


def test_cases_are_read_one_after_the_other() -> None:
    alive: list[int] = []

    def stream() -> Iterator[Case]:
        for _ in range(3):
            alive.append(len(alive))
            yield case(ball(5), ball(5))

    assert choose_rule(stream()).n_cases == len(alive) == 3


def test_a_mask_is_cleaned() -> None:
    rule = MaskRule(threshold=0.7, keep_largest=True)
    np.testing.assert_array_equal(rule.apply(ball(9) | ball(4, at=33), voxel_volume=0.001), ball(9))


def test_plain_data() -> None:
    rule = MaskRule(0.4, True, 0.05, True)
    assert MaskRule.from_plain(rule.to_plain()) == rule
    for damaged in (
        {},
        {**rule.to_plain(), "threshold": 2},
        {**rule.to_plain(), "smallest_ml": "x"},
    ):
        with pytest.raises(InputError, match="damaged"):
            MaskRule.from_plain(damaged)


def test_no_case() -> None:
    with pytest.raises(InputError, match="no validation case"):
        choose_rule([])
