import csv
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from tumorboard.errors import InputError
from tumorboard.evaluation.conformal import ConformalRule
from tumorboard.prediction.invariants import check_model
from tumorboard.prediction.model import Model
from tumorboard.training.model_files import digest
from tumorboard.verbs.fit import fit
from tumorboard.verbs.predict import predict

ARMS = ("record", "image", "fused", "attention", "late", "logistic", "boosting")


def write_cohort(folder: Path, *, n: int = 44, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    with (folder / "patients.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "file", "age", "sex", "diagnosis"])
        for i in range(n):
            pixels = rng.normal(90, 20, (32, 32))
            pixels[8:18, 8:18] += 60 * (i % 2)
            name = f"{i}.png" if i % 6 else ""
            if name:
                array = np.clip(pixels, 0, 255).astype(np.uint8)
                Image.fromarray(array).save(folder / "images" / name)
            age = f"{rng.normal(50 + 6 * (i % 2), 9):.1f}" if i % 5 else ""
            label = "malignant" if i % 2 else "benign"
            writer.writerow([f"{i:03d}", name, age, "fm"[int(rng.integers(2))], label])
    (folder / "study.toml").write_text(
        """
        [study]
        name = "small"
        seed = 3
        [cohort]
        table = "patients.csv"
        [task]
        target = "diagnosis"
        positive = "malignant"
        [modalities.image]
        kind = "image"
        files = "images/{file}"
        size = [32, 32]
        encoder = "small_cnn"
        [modalities.record]
        kind = "table"
        numeric = ["age"]
        categorical = ["sex"]
        encoder = {name = "mlp", widths = [8, 4]}
        [arms]
        record = {modalities = ["record"]}
        image = {modalities = ["image"]}
        fused = {modalities = ["image", "record"], fusion = "gated"}
        attention = {modalities = ["image", "record"], fusion = "attention"}
        late = {modalities = ["image", "record"], fusion = "late_average"}
        logistic = {modalities = ["record"], baseline = "logistic_regression"}
        boosting = {modalities = ["record"], baseline = "gradient_boosting"}
        [training]
        epochs = 2
        modality_dropout = 0.2
        """,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder)
    for arm in ARMS:
        fit(folder / "study.toml", out=folder / "models" / arm, arm=arm)
    return folder


@pytest.mark.parametrize("arm", ARMS)
def test_every_kind_of_model_keeps_the_invariants(fitted: Path, arm: str) -> None:
    model = Model.open(fitted / "models" / arm)
    assert check_model(model, fitted / "patients.csv", data=fitted) == []


def test_the_invariants_notice_a_model_that_looks_at_ids(fitted: Path) -> None:
    class Peeking(Model):
        def predict(self, table, *, data=None):
            predictions = super().predict(table, data=data)
            shift = np.asarray([len(patient) * 1e-3 for patient in predictions.patient_id])
            predictions.probabilities[:, 0] -= shift
            predictions.probabilities[:, 1] += shift
            return predictions

    model = Model.open(fitted / "models" / "logistic")
    sentences = check_model(
        Peeking(model.fitted, model.folder), fitted / "patients.csv", data=fitted
    )
    assert any(sentence.startswith("the patient ids matter") for sentence in sentences)


def new_cohort(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "new.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_without_outcome_is_predicted(fitted: Path, tmp_path: Path) -> None:
    rows = [
        {"patient_id": "007", "file": "1.png", "age": "61", "sex": "f"},
        {"patient_id": "008", "file": "", "age": "44", "sex": "x"},
        {"patient_id": "009", "file": "absent.png", "age": "", "sex": "m"},
    ]
    report = predict(
        fitted / "models" / "fused", cohort=new_cohort(tmp_path, rows), data=fitted,
        out=tmp_path / "out.csv",
    )  # fmt: skip
    assert report.exit_code == 3
    assert any("absent.png" in line and "patient 009" in line for line in report.lines)
    assert any("1 patient has an unseen category of sex ('x')" in line for line in report.lines)
    with (tmp_path / "out.csv").open(encoding="utf-8") as handle:
        written = list(csv.DictReader(handle))
    assert [row["patient_id"] for row in written] == ["007", "008", "009"]
    assert [row["modalities"] for row in written] == ["image+record", "record", "record"]
    for row in written:
        assert float(row["p_benign"]) + float(row["p_malignant"]) == pytest.approx(1)
        above = float(row["p_malignant"]) >= float(row["threshold"])
        assert row["predicted_label"] == ("malignant" if above else "benign")


def test_a_patient_with_nothing_is_refused_not_guessed(fitted: Path, tmp_path: Path) -> None:
    rows = [
        {"patient_id": "1", "file": "1.png", "age": "61", "sex": "f"},
        {"patient_id": "2", "file": "", "age": "", "sex": ""},
    ]
    report = predict(
        fitted / "models" / "fused", cohort=new_cohort(tmp_path, rows), data=fitted,
        out=tmp_path / "out.csv",
    )  # fmt: skip
    assert report.predictions.patient_id == ("1",)
    assert report.exit_code == 3
    assert "rejected: patient 2: no prediction: none of image, record is present" in report.lines


def test_a_missing_column_and_other_labels_are_refused(fitted: Path, tmp_path: Path) -> None:
    model = Model.open(fitted / "models" / "record")
    with pytest.raises(InputError, match="'age'"):
        model.predict(new_cohort(tmp_path, [{"patient_id": "1", "sex": "f"}]))
    rows = [{"patient_id": "1", "age": "50", "sex": "f", "diagnosis": "cyst"}]
    with pytest.raises(InputError, match=r"holds 'cyst' .* but the model knows 'benign', 'malig"):
        model.predict(new_cohort(tmp_path, rows))


class Payload:
    """Would create a file if a loader executed it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_a_pickle_is_refused_and_never_executed(fitted: Path, tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    for name in ("weights.safetensors", "extra.pkl"):
        folder = tmp_path / name
        shutil.copytree(fitted / "models" / "fused", folder)
        (folder / name).write_bytes(pickle.dumps(Payload(trap)))
        with pytest.raises(InputError, match=r"damaged or changed|could run code"):
            Model.open(folder)
    lone = tmp_path / "model.pt"
    lone.write_bytes(pickle.dumps(Payload(trap)))
    with pytest.raises(InputError, match="is a file; expected a model folder"):
        Model.open(lone)
    assert not trap.exists()


def test_a_flipped_bit_a_cut_file_and_another_version_are_refused(
    fitted: Path, tmp_path: Path
) -> None:
    source = fitted / "models" / "fused"
    for case in ("flip", "cut", "version", "json", "absent", "state", "threshold", "files"):
        folder = tmp_path / case
        shutil.copytree(source, folder)
        weights, document = folder / "weights.safetensors", folder / "model.json"
        data = bytearray(weights.read_bytes())
        if case == "flip":
            data[-1] ^= 1
            weights.write_bytes(data)
        elif case == "cut":
            weights.write_bytes(data[: len(data) // 2])
        elif case == "version":
            content = json.loads(document.read_text())
            document.write_text(json.dumps({**content, "format": 99}))
        elif case == "json":
            document.write_text(document.read_text()[:100])
        elif case == "threshold":
            content = json.loads(document.read_text())
            document.write_text(json.dumps({**content, "threshold": None}))
        elif case == "files":
            content = json.loads(document.read_text())
            document.write_text(json.dumps({**content, "files": {}}))
        elif case == "absent":
            weights.unlink()
        else:
            arrays = load_file(folder / "fitted.safetensors")
            save_file({**arrays, "more/x": np.zeros(1)}, folder / "fitted.safetensors")
        with pytest.raises(
            InputError,
            match=r"damaged|changed since|model format 99, expected 2|absent from the model folder",
        ):
            Model.open(folder)


def test_a_model_with_foreign_code_is_not_opened(fitted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    shutil.copytree(fitted / "models" / "fused", folder)
    content = json.loads((folder / "model.json").read_text())
    content["study"]["arms"]["fused"]["fusion"] = {"name": "my_lab.tensor"}
    content["sha256"] = digest(content)
    (folder / "model.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"uses 'my_lab.tensor', code that is not part of"):
        Model.open(folder)


def test_files_of_another_cohort_are_not_taken_for_the_new_patients(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = tmp_path / "clinic"
    (clinic / "images").mkdir(parents=True)
    Image.fromarray(np.full((32, 32), 7, np.uint8)).save(clinic / "images" / "1.png")
    table = new_cohort(clinic, [{"patient_id": "1", "file": "1.png", "age": "50", "sex": "f"}])
    own = Model.open(fitted / "models" / "image").predict(table)
    monkeypatch.setenv("TUMORBOARD_DATA", str(fitted))
    again = Model.open(fitted / "models" / "image").predict(table)
    np.testing.assert_array_equal(again.probabilities, own.probabilities)
    assert f"file names start from {clinic}" in again.notes
    lone = new_cohort(tmp_path, [{"patient_id": "1", "file": "1.png", "age": "50", "sex": "f"}])
    assert (
        f"file names start from {fitted}"
        in Model.open(fitted / "models" / "image").predict(lone).notes
    )


def test_a_combination_that_training_never_saw_is_told(fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    fit(
        fitted / "study.toml", out=out, arm="fused",
        overrides=["training.modality_dropout=0.0", "training.epochs=1",
                   'cohort.require=["image", "record"]'],
    )  # fmt: skip
    rows = [{"patient_id": "1", "file": "", "age": "50", "sex": "f"}]
    notes = Model.open(out).predict(new_cohort(tmp_path, rows), data=fitted).notes
    assert any(note.startswith("1 predictions rest on record alone") for note in notes)
    notes = Model.open(fitted / "models" / "fused").predict(
        new_cohort(tmp_path, rows), data=fitted
    ).notes  # fmt: skip
    assert not any("rest on record alone" in note for note in notes)


def test_the_outcome_of_a_unit_is_the_first_one_known(fitted: Path, tmp_path: Path) -> None:
    rows = [
        {"patient_id": "1", "age": "50", "sex": "f", "diagnosis": ""},
        {"patient_id": "1", "age": "51", "sex": "f", "diagnosis": "malignant"},
    ]
    predictions = Model.open(fitted / "models" / "record").predict(new_cohort(tmp_path, rows))
    assert predictions.outcome == ("malignant",)


def test_labels_that_the_study_left_out_are_said(fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    fit(
        fitted / "study.toml", out=out, arm="logistic",
        overrides=['task.classes=["benign", "malignant"]'],
    )  # fmt: skip
    labels = ["benign", "cyst", "", "malignant", "cyst", "scar"]
    rows = [
        {"patient_id": str(i), "age": "50", "sex": "f", "diagnosis": label}
        for i, label in enumerate(labels)
    ]
    predictions = Model.open(out).predict(new_cohort(tmp_path, rows))
    assert predictions.outcome == ("benign", "", "", "malignant", "", "")
    (said,) = [note for note in predictions.notes if "left out" in note]
    assert said.startswith("diagnosis: 3 rows with a label that the study left out of its classes:")
    assert "cyst (2), scar (1)" in said


def test_what_the_study_declares_of_the_outcome_is_not_asked_of_new_patients(
    fitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    declared = [
        'cohort.values={diagnosis=["benign", "malignant"]}',
        "cohort.ranges={age=[0, 120]}",
    ]
    fit(fitted / "study.toml", out=out, arm="logistic", overrides=declared)
    rows = [{"patient_id": "1", "age": "50", "sex": "f"}]
    assert Model.open(out).predict(new_cohort(tmp_path, rows)).patient_id == ("1",)
    with pytest.raises(InputError, match="outside the range 0 to 120"):
        Model.open(out).predict(new_cohort(tmp_path, [{**rows[0], "age": "500"}]))


def test_predictions_never_overwrite_an_input(fitted: Path, tmp_path: Path) -> None:
    rows = [{"patient_id": "1", "age": "50", "sex": "f"}]
    table = new_cohort(tmp_path, rows)
    before = table.read_bytes()
    notes = tmp_path / "notes.csv"
    notes.write_text("years of work", encoding="utf-8")
    model = fitted / "models" / "record"
    for out in (table, model / "model.json", notes):
        with pytest.raises(
            InputError, match=r"is an input of this command|no table of predictions"
        ):
            predict(model, cohort=table, out=out)
    assert table.read_bytes() == before
    assert notes.read_text(encoding="utf-8") == "years of work"
    for _ in range(2):
        predict(model, cohort=table, out=tmp_path / "out.csv")


def test_a_call_outside_its_own_set_is_referred(fitted: Path) -> None:
    model = Model.open(fitted / "models" / "fused")
    model.fitted.threshold = 0.2
    model.fitted.conformal = ConformalRule(0.8, "all", (0.5, 0.5), (20, 20))
    probabilities = np.asarray([[0.7, 0.3], [0.9, 0.1], [0.5, 0.5]])
    called_outside, called_inside, both = model._refer(probabilities)
    assert model._labels(probabilities)[:2] == (model.fitted.classes[1], model.fitted.classes[0])
    assert (called_outside, called_inside, both) == (True, False, True)
