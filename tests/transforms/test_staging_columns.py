from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tumorboard.transforms.patient_columns import Patients
from tumorboard.transforms.staging_columns import Staging, by_stage, find_stagings

T, N, M = ["T1a", "T2b", None], ["N0", "N1", "N0"], ["M0", "M0", "M0"]


def names(columns: Mapping[str, Sequence[str | None]]) -> list[tuple[str, ...]]:
    return [staging.names for staging in find_stagings(columns)]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("Pathological T stage", "Pathological N stage", "Pathological M stage"), None),
        (("clinical.T.Stage", "Clinical.N.Stage", "Clinical.M.Stage"), None),
        (("pT", "pN", "M"), ("pT", "pN")),
        (("ajcc_pathologic_t", "ajcc_pathologic_n", "ajcc_pathologic_m"), None),
        (("tumour", "nodes", "metastases"), None),  # the letters in the cells say it
    ],
)
def test_names_of_columns(columns: tuple[str, ...], expected: tuple[str, ...] | None) -> None:
    cells = dict(zip(columns, (T, N, M), strict=True))
    assert names(cells) == [expected or columns]
    assert names(dict(reversed(cells.items()))) == [expected or columns]


def test_numbers_need_a_name() -> None:
    numbers = {"clinical.T.Stage": ["2.0", "1.0"], "Clinical.N.Stage": ["0", "3"]}
    assert names(numbers) == [("clinical.T.Stage", "Clinical.N.Stage")]
    assert names({"nodes": ["2", "1"], "grade": ["0", "3"]}) == []


def test_clinical_and_pathological_stages_are_two() -> None:
    columns = {"cT": T, "cN": N, "pathologic_T": T, "pathologic_N": N}
    assert names(columns) == [("cT", "cN"), ("pathologic_T", "pathologic_N")]


@pytest.mark.parametrize(
    "columns",
    [
        {"T": T},  # one column alone is judged as every other
        {"t": ["36.6", "38.2"], "n": ["12", "7"]},  # a temperature and a count
        {"T cells": ["0.2", "0.4"], "N": ["0", "1"]},
        {"T": [None, None], "N": ["N0", "N1"]},
        {"T": ["T1", "yes", "no"], "N": ["N0", "N1", "N2"]},
        {"gender": ["m", "f"], "arm": ["a", "b"]},
    ],
)
def test_other_columns_are_no_staging(columns: dict) -> None:
    assert names(columns) == []


def test_groups_of_rows() -> None:
    staging = Staging({"T": "T", "N": "N", "M": "M"})
    cells = {
        "T": ["T1a", "T2", "T4", "T9", None, None],
        "N": ["N0", "N0", "N0", "N3", "N1", None],
        "M": ["M0", "M0", "M0", "M0", "M0", None],
    }
    assert staging.groups(cells, 7) == [
        ("IA",), ("IB or IIA",), ("IIIA",), ("IIIB",), ("IIA or IIB or IIIA",), ("missing",),
    ]  # fmt: skip
    assert staging.groups(cells, 6)[2] == ("IIIB",)
    without_m = Staging({"T": "T", "N": "N"}).groups(cells, 7)
    assert without_m[0] == ("IA or IV",)


def test_together_they_tell_what_none_tells_alone() -> None:
    rng = np.random.default_rng(0)
    t, n = rng.choice(["T1a", "T2b", "T3"], 300), rng.choice(["N0", "N1", "N2"], 300)
    cells = {"T": t.tolist(), "N": n.tolist(), "M": ["M0"] * 300}
    (staging,) = find_stagings(cells)
    groups = [own[0] for own in staging.groups(cells, 7)]
    late = np.asarray([group.startswith("III") for group in groups]).astype(np.int64)

    def patients(target: np.ndarray) -> Patients:
        rows = np.arange(300)
        return Patients(tuple(map(str, rows)), target, rows, rows, ("early", "late"))

    found = by_stage(staging, cells, patients(late))
    assert found is not None
    assert found.auroc == pytest.approx(1.0)
    # nodes alone give this outcome: nothing is spelled together
    assert by_stage(staging, cells, patients((n != "N0").astype(np.int64))) is None
    unrelated = by_stage(staging, cells, patients(rng.integers(0, 2, 300)))
    assert unrelated is None or unrelated.auroc < 0.65
