import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tumorboard.errors import InputError, StudyError
from tumorboard.verbs.compare import compare, render


@pytest.fixture
def tables(tmp_path):
    """Tables of three programs; the second lacks five patients."""
    rng = np.random.default_rng(4)
    target = np.arange(50) % 2
    paths = []
    for name, strength, patients in (
        ("ours", 2.0, range(50)), ("theirs", 0.8, range(5, 50)), ("third", 0.0, range(50)),
    ):  # fmt: skip
        p = 1 / (1 + np.exp(-rng.normal(strength * (target - 0.5))))
        lines = [f"{i:03},{target[i]},{float(p[i])!r}" for i in patients]
        head = "patient_id,diagnosis,p_1"
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text("\n".join([head, *lines]))
    return paths


def test_tables_of_other_programs_are_compared_with_the_first(tables):
    found = compare(tables)
    assert [(c.comparison.arm, c.comparison.reference) for c in found] == [
        ("theirs", "ours"), ("third", "ours"),
    ]  # fmt: skip
    assert found[0].comparison.n_patients == 45
    assert found[0].arm.n_patients == 45
    assert found[0].reference.n_patients == 50
    ours = np.genfromtxt(tables[0], delimiter=",", skip_header=1)
    assert found[0].reference.value == pytest.approx(roc_auc_score(ours[:, 1], ours[:, 2]))
    third = found[1]
    assert third.comparison.difference == pytest.approx(third.arm.value - third.reference.value)
    assert compare(tables) == found


def test_text_shows_arms_differences_and_overlap(tables):
    text = render(compare(tables, reference="third", metric="brier"))
    lines = text.splitlines()
    assert lines[0].split() == ["arm", "brier", "95", "%", "interval", "patients", "with", "event"]
    assert [line.split()[0] for line in lines[1:4]] == ["third", "ours", "theirs"]
    assert lines[5].startswith("minus third")
    assert lines[-1] == (
        "theirs predicts 45 patients and third 50; their difference is that of the 45 in common."
    )


def test_faults_are_one_clear_line(tables, tmp_path):
    with pytest.raises(InputError, match=r"Only one arm \(ours\): name at least two"):
        compare(tables[:1])
    with pytest.raises(InputError, match=r"arm 'ours' is in .*ours\.csv as well\. Rename"):
        compare([tables[0], tables[0]])
    with pytest.raises(InputError, match=r"--reference: 'our' is not an arm\. Did you mean 'ours'"):
        compare(tables, reference="our")
    with pytest.raises(StudyError, match="'auc' is not a metric"):
        compare(tables, metric="auc")
    strangers = tmp_path / "strangers.csv"
    strangers.write_text("patient_id,diagnosis,p_1\nx1,0,0.2\nx2,1,0.8\n")
    with pytest.raises(InputError, match="no test patient with an outcome in common"):
        compare([tables[0], strangers])
    with pytest.raises(InputError, match="No prediction table is named"):
        compare([])
