"""Images and a clinical table of patients whose outcome is drawn from a known model.

Every patient has an image signal u and a table signal v, independent standard normal numbers, and

    logit P(malignant) = intercept + image_signal u + table_signal v + interaction u v.

The picture shows u + image_noise e; the columns show v through linear functions with noise. What
each of them can tell of u and v is known exactly, and with it the best reachable AUROC.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tumorboard.cache import write_text
from tumorboard.errors import StudyError
from tumorboard.formats.csv_writing import write_csv
from tumorboard.records import Bools, Floats, Ints
from tumorboard.simulators import SIGNAL_GRID, Bound, Simulator, TwoSignals, best_auroc
from tumorboard.transforms import clinical_columns as clinical
from tumorboard.transforms.lesions import draw_lesion_and_mask

FEMALE_SHARE = 0.95
#: Largest shift of an institution's log blood marker and log image brightness.
MARKER_SHIFT, BRIGHTNESS_SHIFT = 0.08, 0.05
#: Under `confounded`, this share of the malignant and the rest of the benign are at the last one.
CONFOUNDED_SHARE = 0.8

_N_NORMAL, _N_UNIFORM = 7, 10
_N_MONTE_CARLO, _CHUNK = 100_000, 5_000
_HEADER = (
    "patient_id", "institution", "sex", *clinical.LOADINGS, "image", "diagnosis",
)  # fmt: skip
_STUDY = """\
# A simulated cohort. truth.json beside this file holds the best AUROC that any model of the image,
# of the record and of both can reach.
#     tumorboard evaluate study.toml

[study]
name = "simulated-image-table"
question = "Does the image add to the record?"
seed = {seed}

[cohort]
source = "folder"
table = "patients.csv"
patient_id = "patient_id"
institution = "institution"

[task]
kind = "classification"
target = "diagnosis"
positive = "malignant"

[modalities.image]
kind = "image"
files = "images/{{image}}"
masks = "masks/{{image}}"              # where the lesions are: judges what a model looks at
size = [{height}, {width}]
channels = "grey"
encoder = "small_cnn"

[modalities.record]
kind = "table"
numeric = ["age", "tumour_size_mm", "ca15_3"]
categorical = ["tumour_location", "sex"]
encoder = {{name = "mlp", widths = [32, 16]}}

[arms]
record = {{modalities = ["record"]}}
image = {{modalities = ["image"]}}
fused = {{modalities = ["image", "record"], fusion = "concatenation"}}
late = {{modalities = ["image", "record"], fusion = "late_average"}}
logistic = {{modalities = ["record"], baseline = "logistic_regression"}}

[training]
epochs = 15
batch_size = 16
optimizer = {{name = "adamw", learning_rate = 2e-3}}

[evaluation]
folds = 5
repeats = 2
primary = {{arm = "fused", reference = "record", metric = "auroc"}}

[report]
population = "simulated patients, nobody of flesh and blood"
"""


@dataclass(frozen=True)
class Patients:
    """What is drawn before anything is written; every array has one entry per patient.

    Args:
        u: Image signal.
        shown: u with its noise: what the picture shows.
        v: Table signal.
        columns: What the clinical columns show of v.
        probability: P(malignant | u, v).
        is_malignant: The outcome.
        is_female: Sex.
        institution: Number of the institution, from 0.
        n_images: Number of images, 0 where the image is missing.
    """

    u: Floats
    shown: Floats
    v: Floats
    columns: clinical.Columns
    probability: Floats
    is_malignant: Bools
    is_female: Bools
    institution: Ints
    n_images: Ints


class ImageTable(Simulator):
    """Images and a clinical table with a known best AUROC for each alone and for both.

    Args:
        image_signal: Effect of u on the logit; 0: the image alone says nothing.
        table_signal: Effect of v on the logit; 0: the table alone says nothing.
        interaction: Effect of u times v on the logit, seen only by whoever has both.
        prevalence: Share of malignant patients in the population drawn from.
        image_noise: Standard deviation of the noise between u and what the picture shows, the same
            in all images of a patient.
        size: Height and width of the images in px.
        images_per_patient: Each patient has 1 to this many images (rows of the table).
        missing_values: Share of empty cells among age, size, marker and location.
        missing_mechanism: "not_at_random": cells are missing more often where v is high.
        missing_images: Share of patients without an image.
        institutions: Their number; they shift image brightness and marker, not the outcome.
        confounded: Most malignant patients are at the last institution: a short cut that the stated
            bounds do not count.
    """

    def __init__(
        self,
        *,
        image_signal: float = 4.0,
        table_signal: float = 4.0,
        interaction: float = 0.0,
        prevalence: float = 0.5,
        image_noise: float = 0.0,
        size: tuple[int, int] = (64, 64),
        images_per_patient: int = 2,
        missing_values: float = 0.05,
        missing_mechanism: clinical.Mechanism = "at_random",
        missing_images: float = 0.02,
        institutions: int = 2,
        confounded: bool = False,
    ) -> None:
        self.image_signal, self.table_signal = image_signal, table_signal
        self.interaction, self.prevalence = interaction, prevalence
        self.image_noise, self.size = image_noise, (size[0], size[1])
        self.images_per_patient = images_per_patient
        self.missing_values, self.missing_mechanism = missing_values, missing_mechanism
        self.missing_images, self.institutions = missing_images, institutions
        self.confounded = confounded
        self._check()
        self.model = TwoSignals(image_signal, table_signal, interaction, prevalence)
        self.missingness = clinical.Missingness(missing_values, self.missing_mechanism)

    def _check(self) -> None:
        most_missing = 0.5 if self.missing_mechanism == "not_at_random" else 0.9
        rules = (
            ("image_signal", abs(self.image_signal) <= 10, "-10 to 10"),
            ("table_signal", abs(self.table_signal) <= 10, "-10 to 10"),
            ("interaction", abs(self.interaction) <= 10, "-10 to 10"),
            ("prevalence", 0.01 <= self.prevalence <= 0.99, "0.01 to 0.99"),
            ("image_noise", 0 <= self.image_noise <= 10, "0 to 10"),
            ("size", min(self.size) >= 16, "a height and width of 16 px or more"),
            ("images_per_patient", self.images_per_patient >= 1, "1 or more"),
            ("missing_values", 0 <= self.missing_values <= most_missing,
             f"0 to {most_missing} where values are missing {self.missing_mechanism}"),
            ("missing_images", 0 <= self.missing_images <= 0.9, "0 to 0.9"),
            ("institutions", 1 <= self.institutions <= 26, "1 to 26"),
            ("confounded", not self.confounded or self.institutions > 1,
             "false where there is one institution"),
        )  # fmt: skip
        faults = [
            f"image_table.{key}: found {json.dumps(getattr(self, key))}, expected {expected}."
            for key, is_fine, expected in rules
            if not is_fine
        ]
        if faults:
            raise StudyError(faults)

    def settings(self) -> Mapping[str, object]:
        """Every setting with its value."""
        names = inspect.signature(ImageTable.__init__).parameters
        return {name: getattr(self, name) for name in names if name != "self"}

    def draw(self, *, n_patients: int, seed: int) -> Patients:
        """Draw patients: settings change what is made of the draws, never the draws themselves."""
        generators = [np.random.default_rng([seed, i, 0]) for i in range(n_patients)]
        normal = np.stack([rng.standard_normal(_N_NORMAL) for rng in generators])
        return self._patients(normal, np.stack([rng.random(_N_UNIFORM) for rng in generators]))

    def _patients(self, normal: Floats, uniform: Floats) -> Patients:
        u, v = normal[:, 0], normal[:, 1]
        probability = self.model.probability(u, v)
        is_malignant = uniform[:, 0] < probability
        n_images = 1 + (uniform[:, 4] * self.images_per_patient).astype(np.int64)
        return Patients(
            u=u,
            shown=u + self.image_noise * normal[:, 2],
            v=v,
            columns=clinical.show(
                v, normal=normal[:, 3:], uniform=uniform[:, 6:], missingness=self.missingness
            ),
            probability=probability,
            is_malignant=is_malignant,
            is_female=uniform[:, 5] < FEMALE_SHARE,
            institution=self._institution(uniform[:, 1], uniform[:, 2], is_malignant),
            n_images=np.where(uniform[:, 3] < self.missing_images, 0, n_images),
        )

    def _institution(self, first: Floats, second: Floats, is_malignant: Bools) -> Ints:
        if not self.confounded:
            return (first * self.institutions).astype(np.int64)
        is_last = first < np.where(is_malignant, CONFOUNDED_SHARE, 1 - CONFOUNDED_SHARE)
        others = (second * (self.institutions - 1)).astype(np.int64)
        return np.where(is_last, self.institutions - 1, others)

    def best(self, patients: Patients) -> Mapping[str, Floats]:
        """P(malignant) of each patient given the image, the table and both, for an ideal reader.

        NaN for the image alone where there is none. The reader knows how the institutions are
        calibrated; that cells are rounded is neglected.
        """
        # Normal posterior of u given u + noise.
        precision = 1 + self.image_noise**2
        mean_u = np.where(patients.n_images == 0, np.nan, patients.shown / precision)
        sd_u = self.image_noise / np.sqrt(precision)
        prior = -(SIGNAL_GRID**2) / 2
        weights_v = _normalised(
            prior + clinical.log_likelihood(patients.columns, SIGNAL_GRID, self.missingness)
        )
        unknown_v = np.broadcast_to(_normalised(prior), weights_v.shape)
        image = self.model.expected(mean_u, sd_u, unknown_v)
        return {
            "image": np.where(patients.n_images == 0, np.nan, image),
            "table": self.model.expected(np.full_like(mean_u, np.nan), sd_u, weights_v),
            "both": self.model.expected(mean_u, sd_u, weights_v),
        }

    def best_auroc(self) -> Mapping[str, Bound]:
        """Best reachable AUROC in the population given the image, the table and both.

        The image alone is judged on patients who have one, the others on everybody.
        """
        rng = np.random.default_rng(0)
        chunks: list[Mapping[str, Floats]] = []
        for _ in range(_N_MONTE_CARLO // _CHUNK):
            normal = rng.standard_normal((_CHUNK, _N_NORMAL))
            chunks.append(self.best(self._patients(normal, rng.random((_CHUNK, _N_UNIFORM)))))
        found = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
        return {name: best_auroc(p[~np.isnan(p)]) for name, p in found.items()}

    def write(self, out: Path, *, n_patients: int, seed: int) -> None:
        """Write the table, images/, masks/, study.toml, truth.json and truth_patients.csv."""
        patients = self.draw(n_patients=n_patients, seed=seed)
        ids = [f"P{i:05d}" for i in range(1, n_patients + 1)]
        images = self._write_images(out, patients, ids, seed)
        write_csv(out / "patients.csv", _HEADER, self._rows(patients, ids, images))
        height, width = self.size
        write_text(out / "study.toml", _STUDY.format(seed=seed, height=height, width=width))
        self._write_truth(out, patients, ids, seed)

    def _write_images(
        self, out: Path, patients: Patients, ids: Sequence[str], seed: int
    ) -> list[list[str]]:
        """Names of each patient's images; one empty name where there is none."""
        from PIL import Image

        for folder in ("images", "masks"):
            (out / folder).mkdir()
        names: list[list[str]] = []
        gain = np.exp(BRIGHTNESS_SHIFT * self._shift())[patients.institution]
        for i, patient_id in enumerate(ids):
            of_patient = [f"{patient_id}_{k + 1}.png" for k in range(patients.n_images[i])]
            for k, name in enumerate(of_patient, start=1):
                rng = np.random.default_rng([seed, i, k])
                pixels, mask = draw_lesion_and_mask(
                    float(patients.shown[i]), size=self.size, gain=float(gain[i]), rng=rng
                )
                Image.fromarray(pixels).save(out / "images" / name, compress_level=1)
                Image.fromarray(mask).save(out / "masks" / name)
            names.append(of_patient or [""])
        return names

    def _rows(
        self, patients: Patients, ids: Sequence[str], images: Sequence[Sequence[str]]
    ) -> list[list[str]]:
        shift = MARKER_SHIFT * self._shift()[patients.institution]
        cells = clinical.cells(patients.columns, log_marker_shift=shift)
        rows: list[list[str]] = []
        for i, patient_id in enumerate(ids):
            sex = "female" if patients.is_female[i] else "male"
            diagnosis = "malignant" if patients.is_malignant[i] else "benign"
            known = [patient_id, chr(ord("A") + int(patients.institution[i])), sex, *cells[i]]
            rows += [[*known, image, diagnosis] for image in images[i]]
        return rows

    def _shift(self) -> Floats:
        """Position of each institution between -1 and 1; 0 for a single one."""
        return np.linspace(-1, 1, self.institutions) if self.institutions > 1 else np.zeros(1)

    def _write_truth(self, out: Path, patients: Patients, ids: Sequence[str], seed: int) -> None:
        best = self.best(patients)
        numbers = np.stack(
            [patients.u, patients.shown, patients.v, patients.probability, *best.values()]
        )
        header = ("patient_id", "image_signal", "image_shown", "table_signal", "probability")
        rows = [
            [patient_id, *("" if np.isnan(x) else f"{x:.6f}" for x in of_patient)]
            for patient_id, of_patient in zip(ids, numbers.T, strict=True)
        ]
        write_csv(out / "truth_patients.csv", (*header, *(f"best_{n}" for n in best)), rows)
        truth = {
            "simulator": "image_table",
            "seed": seed,
            "n_patients": len(ids),
            "n_malignant": int(patients.is_malignant.sum()),
            "settings": self.settings(),
            "prevalence": self.prevalence,
            "intercept": self.model.intercept,
            "interaction_share": self.model.interaction_share,
            "best_auroc": {name: asdict(bound) for name, bound in self.best_auroc().items()},
            "correlation_with_table_signal": clinical.LOADINGS,
            "columns_without_information": ["sex", "institution"]
            if not self.confounded
            else ["sex"],
        }
        write_text(out / "truth.json", json.dumps(truth, indent=2) + "\n")


def _normalised(log_posterior: Floats) -> Floats:
    weights = np.exp(log_posterior - log_posterior.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
