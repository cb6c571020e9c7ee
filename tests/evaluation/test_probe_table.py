"""probes.csv: rows of one unit told apart by probe, strength and what was shown."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.pairing import is_simulated_table
from tumorboard.evaluation.probe_table import (
    ProbeTable,
    join_probes,
    read_probes,
    untouched,
    write_probes,
)


def test_written_rows_read_back(tmp_path, make_table) -> None:
    table = make_table([0, 1, 1], [0.2, 0.7, 0.6])
    clean = untouched(table, np.asarray(["", "image", ""]))
    worse = ProbeTable(table, np.full(3, "noise"), np.full(3, 0.1), np.full(3, "image"))
    joined = join_probes([clean, worse])
    write_probes(tmp_path / "probes.csv", joined)
    again = read_probes(tmp_path / "probes.csv", outcome="Classification", positive="malignant")
    assert again.probes == ("noise",)
    np.testing.assert_array_equal(again.probe, joined.probe)
    np.testing.assert_array_equal(again.strength, [0, 0, 0, 0.1, 0.1, 0.1])
    np.testing.assert_array_equal(again.flagged, ["", "image", "", "image", "image", "image"])
    np.testing.assert_array_equal(again.predictions.probabilities, joined.predictions.probabilities)
    assert again.of("a", "noise").n_rows == 3


def test_the_same_row_twice_is_refused(tmp_path, make_table) -> None:
    table = make_table([0, 1], [0.2, 0.7])
    clean = untouched(table, np.full(2, ""))
    write_probes(tmp_path / "probes.csv", join_probes([clean, clean]))
    with pytest.raises(InputError, match=r"row 4, patient 'p0': unit 'p0'.* is there twice"):
        read_probes(tmp_path / "probes.csv", outcome="Classification")


def test_a_strength_that_is_no_number_is_refused(tmp_path, make_table) -> None:
    path = tmp_path / "probes.csv"
    write_probes(path, untouched(make_table([0, 1], [0.2, 0.7]), np.full(2, "")))
    path.write_text(path.read_text("utf-8").replace("none,0.0", "none,weak"), encoding="utf-8")
    with pytest.raises(InputError, match=r"probes\.csv: a strength is not a number \(.*'weak'\)"):
        read_probes(path, outcome="Classification")


def test_simulated_pairing_is_said_in_every_row(tmp_path, make_table) -> None:
    path = tmp_path / "probes.csv"
    table = untouched(make_table([0, 1], [0.2, 0.7]), np.full(2, ""))
    write_probes(path, table, paired={"pairing": ["simulated"] * 2})
    assert is_simulated_table(path)
    assert read_probes(path, outcome=table.predictions.outcome_name).probe.tolist() == ["none"] * 2
