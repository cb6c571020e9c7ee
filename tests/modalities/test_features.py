from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.modalities import MeasuredProfiles
from tumorboard.modalities.features import Features
from tumorboard.records import Cohort

LINES = ("path,patient,x,pred_0,pred_1,pred_2", "a.nii,P0,9,1,10,", "b.nii,P1,9,2,20,5",
         "c.nii,P2,9,3,30,6", "d.nii,P9,9,4,40,7")  # fmt: skip


def read(folder: Path, *lines: str, **settings: Any) -> tuple[Features, MeasuredProfiles]:
    (folder / "fmcib.csv").write_text("\n".join(lines) + "\n")
    ids = ("P0", "P1", "P2", "P3")
    cohort = Cohort("made", ids, ids, {}, {}, (2, 3, 4, 5), folder / "t.csv", folder)
    modality = Features(table="fmcib.csv", id_column="patient", **settings)
    return modality, modality.read(cohort, name="fmcib", cache=Cache(folder / "cache"))


def test_named_columns_are_standardised_on_training_patients(tmp_path: Path) -> None:
    modality, measured = read(tmp_path, *LINES, columns=("pred_*",), drop_missing_above=0.5)
    assert measured.present.tolist() == [True, True, True, False]
    spec = modality.fit(measured, np.arange(3), weight=np.ones(3))
    assert spec.names == ("pred_0", "pred_1", "pred_2")
    z = np.sqrt(1.5)  # 1, 2, 3: mean 2, deviation sqrt(2 / 3)
    expected = [[-z, -z], [0, 0], [z, z], [0, 0]]
    arrays = modality.arrays(measured, np.arange(4))
    np.testing.assert_allclose(arrays[:, :2], expected, rtol=1e-6)
    # P0 lacks pred_2: the median of 5 and 6, which is their mean as well
    np.testing.assert_allclose(arrays[:3, 2], [0, -z, z], rtol=1e-6)
    assert np.isnan(modality.unimputed(measured, np.arange(4))[[0, 3], 2]).all()
    again = Features(table="fmcib.csv", id_column="patient")
    assert again.restore(modality.state()) == spec
    np.testing.assert_array_equal(again.arrays(measured, np.arange(4)), arrays)


def test_all_numeric_columns_where_none_is_named(tmp_path: Path) -> None:
    modality, measured = read(tmp_path, *LINES)
    assert measured.names == ("x", "pred_0", "pred_1", "pred_2")
    assert "columns of text left out: path" in " ".join(measured.notes)
    modality.fit(measured, np.arange(3), weight=np.ones(3))
    notes = " ".join(modality.notes(measured, np.arange(3)))
    assert "columns left out: 1, constant in the training patients" in notes
    assert "columns left out: 1, missing in more than 20 %" in notes


def test_another_cohort_without_a_table_has_no_features(tmp_path: Path) -> None:
    modality, measured = read(tmp_path, *LINES, columns=("pred_0", "pred_1"))
    assert [r.path.name for r in measured.records] == ["fmcib.csv"]
    modality.fit(measured, np.arange(3), weight=np.ones(3))
    ids, table = ("Q0", "Q1"), tmp_path / "other" / "t.csv"
    cohort = Cohort("o", ids, ids, {}, {}, (2, 3), table, table.parent, is_other=True)
    absent = modality.read(cohort, name="fmcib", cache=Cache(tmp_path / "cache"))
    assert not absent.present.any()
    assert modality.arrays(absent, np.arange(2)).tolist() == [[0, 0], [0, 0]]
    assert modality.notes(absent, np.arange(2)) == ("no table fmcib.csv here: nobody has it",)


def test_a_table_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    modality, measured = read(tmp_path, *LINES, columns=("pred_0", "pred_1"))
    modality.fit(measured, np.arange(3), weight=np.ones(3))
    _, other = read(tmp_path, "patient,pred_0", "P0,1", "P1,2")
    with pytest.raises(InputError, match=r"50 % of the 2 columns .* Absent: pred_1"):
        modality.arrays(other, np.arange(1))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("patient,a,a", "P0,1,2", "P1,2,3"), r"a column more than once: a \(2 times\)"),
        (("patient,a", "P0,inf", "P1,2"), "values are infinite: a of P0"),
        (("id,a", "P0,1", "P1,2"), "no column 'patient' .id_column"),
        (("patient,a", "P0,1", "P0,2"), "a patient more than once"),
        (("patient,b", "P0,1", "P1,2"), "no column of numbers is called a"),
    ],
)
def test_faults_of_the_table(lines: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read(tmp_path, *lines, columns=("a",))
