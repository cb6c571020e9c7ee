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


@pytest.fixture
def survival(tmp_path):
    """Follow-up of 60 patients; another program gives risks alone, of all but four of them."""
    rng = np.random.default_rng(1)
    truth = rng.normal(size=60)
    time, event = 900 * np.exp(-truth + 0.3 * rng.normal(size=60)), np.arange(60) % 4 > 0
    ours, theirs = truth + rng.normal(0, 0.3, 60), rng.normal(size=60)
    head = "patient_id,time_days,event,risk_score"
    lines = [
        [f"{i},{float(time[i])!r},{int(event[i])},{float(ours[i])!r},0.5" for i in range(60)],
        [f"{i},{float(time[i])!r},{int(event[i])},{float(theirs[i])!r}" for i in range(4, 60)],
    ]
    paths = [tmp_path / "ours.csv", tmp_path / "theirs.csv"]
    for path, names, rows in zip(paths, (f"{head},survival_365", head), lines, strict=True):
        path.write_text("\n".join([names, *rows]) + "\n")
    return paths


def concordance(time, event, risk):
    """Share of pairs whose earlier event has the higher risk."""
    earlier = event[:, None] & (time[:, None] < time[None, :])
    return (risk[:, None] > risk[None, :])[earlier].mean()


def test_survival_is_compared_by_what_all_tables_have(survival):
    found = compare(survival)
    assert found[0].comparison.metric == "c_index"
    ours = np.genfromtxt(survival[0], delimiter=",", skip_header=1)
    theirs = np.genfromtxt(survival[1], delimiter=",", skip_header=1)
    of = [concordance(t[:, 1], t[:, 2] > 0, t[:, 3]) for t in (ours, theirs, ours[4:])]
    assert found[0].reference.value == pytest.approx(of[0])
    assert found[0].arm.value == pytest.approx(of[1])
    assert found[0].comparison.difference == pytest.approx(of[1] - of[2])
    assert found[0].comparison.ci_high < 0
    text = render(found)
    assert text.splitlines()[0].split()[:2] == ["arm", "c_index"]
    assert "with event" in text
    assert text.endswith("their difference is that of the 56 in common.")
    with pytest.raises(StudyError, match="'integrated_brier' is not a metric of this survival"):
        compare(survival, metric="integrated_brier")  # one of them has no curves
    with pytest.raises(InputError, match="--outcome and --positive are of classes"):
        compare(survival, outcome="event")


def test_numbers_are_compared_and_kinds_are_not_mixed(tables, tmp_path):
    rng = np.random.default_rng(2)
    truth = rng.normal(size=30)
    paths = []
    for name, noise in (("near", 0.2), ("far", 1.0)):
        said = truth + noise * rng.normal(size=30)
        pairs = enumerate(zip(truth.tolist(), said.tolist(), strict=True))
        rows = [f"{i},{seen!r},{predicted!r}" for i, (seen, predicted) in pairs]
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text("\n".join(["patient_id,size,predicted_size", *rows]) + "\n")
    found = compare(paths)
    near, far = (np.genfromtxt(path, delimiter=",", skip_header=1) for path in paths)
    r2 = [1 - np.square(t[:, 1] - t[:, 2]).sum() / np.square(t[:, 1] - t[:, 1].mean()).sum()
          for t in (far, near)]  # fmt: skip
    assert found[0].arm.value == pytest.approx(r2[0])
    assert found[0].comparison.difference == pytest.approx(r2[0] - r2[1])
    assert "with event" not in render(found)
    assert compare(paths, metric="mae")[0].comparison.difference > 0
    with pytest.raises(InputError, match=r"near.csv predicts numbers, .*ours.csv predicts classes"):
        compare([tables[0], paths[0]])
    other = tmp_path / "other.csv"
    other.write_text("patient_id,weight,predicted_weight\n0,1.0,2.0\n1,2.0,3.0\n")
    told = (
        r"other.csv: predicts a regression \(weight\), .*near.csv a regression \(size\)\. Compare"
    )
    with pytest.raises(InputError, match=told):
        compare([paths[0], other])
    died = tmp_path / "died.csv"
    died.write_text("patient_id,arm,time_days,event,risk_score\n0,near,1,1,2.0\n1,near,2,0,3.0\n")
    with pytest.raises(InputError, match=r"predicts a survival \(time_days, event\), .*near.csv a"):
        compare([paths[0], died])
