"""Categories of response at and beside every threshold, by hand."""

from __future__ import annotations

import math

import pytest

from tumorboard.evaluation.response import (
    PARTIAL_VOLUME,
    PROGRESSION_VOLUME,
    LesionRow,
    State,
    VisitResponse,
    responses,
    targets_of,
)


def row(
    visit: int, diameter: float, *, lesion: str = "L1", state: State | None = None, organ: str = "",
    volume: float | None = None, error: float = 0.0, parts: int = 1, into: str = "",
) -> LesionRow:  # fmt: skip
    ball = math.pi / 6 * diameter**3 / 1000
    return LesionRow(
        visit, lesion, organ, state or ("baseline" if visit == 0 else "followed"),
        ball if volume is None else volume, error, diameter, 1.0, parts, into,
    )  # fmt: skip


def of(*diameters: float) -> list[VisitResponse]:
    rows = [row(k, d, state=None if d else "vanished") for k, d in enumerate(diameters)]
    return responses(rows, range(len(diameters)))


def test_volumes_that_go_with_diameters() -> None:
    # Therasse et al. 2000, table 2: -30 % is -65 % (rounded down), +20 % is +73 % of a volume
    assert pytest.approx(-0.657) == PARTIAL_VOLUME
    assert pytest.approx(0.728) == PROGRESSION_VOLUME


@pytest.mark.parametrize(
    ("diameters", "recist", "volumetric"),
    [
        ((40, 28.0), "PR", "PR"),
        ((40, 28.1), "SD", "SD"),
        ((40, 48.0), "PD", "PD"),
        ((40, 47.9), "SD", "SD"),
        ((20, 24.4), "SD", "PD"),  # +22 %, but less than 5 mm
        ((40, 0), "CR", "CR"),
        ((40, 20, 25.1), "PD", "PD"),  # +5.1 mm and +25 % from the nadir, still -37 % from baseline
        ((40, 20, 24.9), "PR", "PD"),  # +24.5 %, but +4.9 mm
        ((40, 20, 23.9), "PR", "PR"),
        ((40, 0, 12), "PD", "PD"),  # from nothing
        ((40, 48, 48), "PD", "PD"),  # progression against the first visit remains
        ((40, 3), "PR", "PR"),
    ],
)
def test_one_lesion(diameters: tuple[float, ...], recist: str, volumetric: str) -> None:
    found = of(*diameters)
    assert found[0].recist == found[0].volumetric == "baseline"
    assert (found[-1].recist, found[-1].volumetric) == (recist, volumetric)


def test_a_lesion_too_small_to_measure_counts_five_mm() -> None:
    assert of(40, 3)[1].sum_mm == 5.0
    assert of(40, 0)[1].sum_mm == 0.0


def test_targets_are_the_largest_two_of_each_organ_and_five_in_all() -> None:
    rows = [
        row(0, 30 - k, lesion=f"L{k}", organ=organ)
        for k, organ in enumerate(["liver"] * 3 + ["lung"] * 3 + ["node", "brain", "bone"])
    ]
    assert targets_of(rows) == ("L0", "L1", "L3", "L4", "L6")
    assert targets_of([row(0, 9.9)]) == ()


def test_a_new_lesion_is_progression() -> None:
    rows = [row(0, 40), row(1, 20), row(1, 12, lesion="L2", state="new")]
    found = responses(rows, [0, 1])[1]
    assert (found.recist, found.volumetric, found.new) == ("PD", "PD", ("L2",))
    assert found.sum_mm == 20.0  # of the targets alone
    assert found.n_lesions == 2


def test_complete_response_needs_every_lesion_gone() -> None:
    rows = [row(0, 40), row(0, 8, lesion="L2"), row(1, 0, state="vanished"), row(1, 8, lesion="L2")]
    found = responses(rows, [0, 1])[1]
    assert (found.recist, found.vanished, found.n_lesions) == ("PR", ("L1",), 1)


def test_without_targets_diameters_say_nothing_but_progression() -> None:
    found = responses([row(0, 8), row(1, 9)], [0, 1])
    assert found[1].recist == "NE"
    assert found[1].volumetric == "SD"
    assert math.isnan(found[1].sum_mm)
    assert responses([], [0, 1])[1].recist == "NE"  # nothing was ever there


def test_a_change_within_its_error_is_not_flagged() -> None:
    rows = [row(0, 30, volume=14.0, error=3.0), row(1, 30, volume=18.9, error=4.0)]
    assert responses(rows, [0, 1])[1].flag == "within error"  # 4.9 ml, error 5 ml
    rows[1] = row(1, 30, volume=19.1, error=4.0)
    assert responses(rows, [0, 1])[1].flag == "growing"
    rows[1] = row(1, 30, volume=8.0, error=1.0)
    assert responses(rows, [0, 1])[1].flag == "shrinking"


def test_the_repeatability_coefficient_replaces_the_errors() -> None:
    rows = [row(0, 30, volume=10.0, error=9.0), row(1, 30, volume=12.0, error=9.0)]
    assert responses(rows, [0, 1])[1].flag == "within error"
    assert responses(rows, [0, 1], least_change=0.15)[1].flag == "growing"
    assert responses(rows, [0, 1], least_change=0.25)[1].flag == "within error"


def test_slow_growth_is_seen_from_the_first_visit() -> None:
    rows = [row(k, 30, volume=v, error=2.0) for k, v in enumerate([10.0, 12.0, 14.0])]
    found = responses(rows, [0, 1, 2])
    assert [f.flag for f in found] == ["", "within error", "within error"]
    assert found[2].flag_from_baseline == "growing"
    assert found[2].volume_from_baseline == pytest.approx(0.4)


def test_splits_and_merges_are_counted_once() -> None:
    rows = [
        row(0, 30, lesion="L1"), row(0, 20, lesion="L2"),
        row(1, 30, lesion="L1", parts=2), row(1, 20, lesion="L2"),
        row(2, 50, lesion="L1", parts=1), row(2, 0, lesion="L2", state="merged"),
        row(3, 50, lesion="L1", parts=1), row(3, 0, lesion="L2", state="merged"),
    ]  # fmt: skip
    found = responses(rows, range(4))
    assert [f.n_split for f in found] == [0, 1, 0, 0]
    assert [f.n_merged for f in found] == [0, 0, 1, 0]
    assert found[2].vanished == ()


def test_a_target_that_merged_with_a_non_target_counts_with_the_whole() -> None:
    rows = [
        row(0, 50, lesion="L2"), row(0, 40, lesion="L3"), row(0, 35, lesion="L1", volume=99.0),
        row(1, 50, lesion="L2"), row(1, 60, lesion="L1", volume=130.0),
        row(1, 0, lesion="L3", state="merged", into="L1"),
    ]  # fmt: skip
    assert targets_of(rows) == ("L2", "L3")
    found = responses(rows, [0, 1])[1]
    assert (found.sum_mm, found.recist) == (110.0, "PD")  # 90 before; not 50 mm and PR


def test_two_targets_that_merged_count_once() -> None:
    rows = [
        row(0, 30, lesion="L1"), row(0, 20, lesion="L2"),
        row(1, 48, lesion="L1"), row(1, 0, lesion="L2", state="merged", into="L1"),
    ]  # fmt: skip
    assert responses(rows, [0, 1])[1].sum_mm == 48.0


def both(visit: int, lung: float, liver: float) -> list[LesionRow]:
    return [
        row(visit, lung, lesion="L1", organ="lung"), row(visit, liver, lesion="L2", organ="liver"),
    ]  # fmt: skip


def test_a_visit_without_an_organ_cannot_be_evaluated() -> None:
    rows = [*both(0, 30, 30), row(1, 30, lesion="L1", organ="lung"), *both(2, 30, 30)]
    imaged = {0: {"lung", "liver"}, 1: {"lung"}, 2: {"lung", "liver"}}
    found = responses(rows, [0, 1, 2], imaged=imaged)
    assert [(f.recist, f.volumetric) for f in found[1:]] == [("NE", "NE"), ("SD", "SD")]
    assert found[1].missing == ("liver",)
    assert math.isnan(found[1].sum_mm)
    assert math.isnan(found[1].volume_ml)
    assert found[1].flag == ""
    assert (found[2].from_nadir, found[2].volume_from_last) == (0.0, 0.0)  # of the first visit


def test_progression_stands_without_the_missing_organ() -> None:
    imaged = {0: {"lung", "liver"}, 1: {"lung"}}
    grown = [*both(0, 30, 30), row(1, 73, lesion="L1", organ="lung")]
    assert responses(grown, [0, 1], imaged=imaged)[1].recist == "PD"  # 73 of 60 mm by itself
    new = [*both(0, 30, 30), row(1, 12, lesion="L3", organ="lung", state="new")]
    assert responses(new, [0, 1], imaged=imaged)[1].recist == "PD"


def test_a_lesion_of_an_organ_not_measured_before_is_new_and_said() -> None:
    rows = [row(0, 30, organ="liver"), row(1, 30, lesion="L2", organ="lung", state="new")]
    found = responses(rows, [0, 1], imaged={0: {"liver"}, 1: {"lung"}})[1]
    assert (found.recist, found.missing, found.unseen) == ("PD", ("liver",), ("lung",))
