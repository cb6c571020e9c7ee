"""Images of stained tissue with a class for every nucleus, mitoses among them rare.

Every nucleus has a class of its own, drawn alike: mitosis, apoptosis, tumour or not tumour. Mitoses
and apoptotic bodies are condensed and look alike; how much, one number says, their appearance a:

    a | mitosis ~ N(+separation / 2, 1),    a | apoptosis ~ N(-separation / 2, 1).

The picture shows a without noise, and the other two classes unmistakably. So the best that a reader
of single nuclei can reach is known: the likelihood ratio orders condensed nuclei by a and puts all
others last (Neyman & Pearson 1933).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from tumorboard.cache import write_text
from tumorboard.errors import StudyError
from tumorboard.formats.csv_writing import write_csv
from tumorboard.records import Floats
from tumorboard.simulators import Simulator
from tumorboard.transforms import histology_drawing as drawing

#: Classes of BreCaHAD's files; the simulator draws all but two of them.
CLASSES = ("mitosis", "non_mitosis", "apoptosis", "tumor", "non_tumor", "lumen", "non_lumen")
NUCLEI = ("mitosis", "apoptosis", "tumor", "non_tumor")
#: Share of nuclei that are not of the tumour, among those that are neither mitosis nor apoptosis.
NON_TUMOR_SHARE = 0.25

_STUDY = """\
# Simulated H&E images in BreCaHAD's layout. truth.json beside this file holds the best AUROC and
# average precision that a reader of single nuclei can reach.
#     tumorboard evaluate study.toml

[study]
name = "simulated-histology"
question = "What helps a network to find rare mitoses among nuclei that look alike?"
seed = {seed}

[cohort]
source = "brecahad"
table = "patients.csv"
institution = "institution"

[task]
kind = "classification"
target = "class"
classes = ["tumor", "non_tumor", "apoptosis", "mitosis"]
unit = "annotation"

[modalities.patch]
kind = "patches"
window_px = 64
size = [64, 64]
encoder = "small_cnn"

[arms]
plain = {{modalities = ["patch"], training = {{sampler = "shuffle"}}}}
weighted = {{modalities = ["patch"]}}

[training]
epochs = 10
batch_size = 64
optimizer = {{name = "adamw", learning_rate = 2e-3}}
sampler = "weighted"
stop = {{metric = "macro_f1", patience = 5}}

[evaluation]
folds = 3
primary = {{arm = "weighted", reference = "plain", metric = "macro_f1"}}

[report]
population = "nuclei of simulated patients, nobody of flesh and blood"
"""


@dataclass(frozen=True)
class Field:
    """One image: its pixels, the class and place of everything annotated, and the truth.

    Args:
        pixels: (H, W, 3).
        classes: Class of each annotation.
        xy: (n, 2) centre in px.
        appearance: (n,) a of condensed nuclei, NaN of all else.
    """

    pixels: NDArray[np.uint8]
    classes: tuple[str, ...]
    xy: Floats
    appearance: Floats


class Histology(Simulator):
    """H&E-like images in BreCaHAD's layout, with rare mitoses and look-alikes of known likeness.

    Each patient (case) has her own stain and her own rate of mitoses. The best AUROC and average
    precision of truth.json are those of a reader who judges every nucleus alone, sees its
    appearance without error and does not know the case's rate.

    Args:
        size: Height and width of the images in px; nuclei are 15 to 35 px wide, as in BreCaHAD.
        images_per_patient: Images of every patient.
        mitoses: Share of mitoses among nuclei, on average over patients.
        apoptoses: Share of apoptotic bodies, the look-alikes of mitoses.
        separation: Distance of mitoses and apoptoses in standard deviations of their appearance; 0:
            nobody can tell them apart.
        rate_variation: Coefficient of variation of the rate of mitoses between patients.
        stain_variation: Spread of stain and sharpness between patients, 1 = ordinary, 0 = none.
        institutions: Their number; each has its own habit of staining.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = (384, 512),
        images_per_patient: int = 2,
        mitoses: float = 0.015,
        apoptoses: float = 0.03,
        separation: float = 3.0,
        rate_variation: float = 0.5,
        stain_variation: float = 1.0,
        institutions: int = 2,
    ) -> None:
        self.size, self.images_per_patient = (size[0], size[1]), images_per_patient
        self.mitoses, self.apoptoses, self.separation = mitoses, apoptoses, separation
        self.rate_variation, self.stain_variation = rate_variation, stain_variation
        self.institutions = institutions
        rules = (
            ("size", min(self.size) >= 96, "a height and width of 96 px or more"),
            ("images_per_patient", 1 <= images_per_patient <= 99, "1 to 99"),
            ("mitoses", 0.001 <= mitoses <= 0.2, "0.001 to 0.2"),
            ("apoptoses", 0.001 <= apoptoses <= 0.2, "0.001 to 0.2"),
            ("separation", 0 <= separation <= 10, "0 to 10"),
            ("rate_variation", 0 <= rate_variation <= 1, "0 to 1"),
            ("stain_variation", 0 <= stain_variation <= 2, "0 to 2"),
            ("institutions", 1 <= institutions <= 26, "1 to 26"),
        )
        faults = [
            f"histology.{key}: found {json.dumps(getattr(self, key))}, expected {expected}."
            for key, is_fine, expected in rules
            if not is_fine
        ]
        if faults:
            raise StudyError(faults)

    def settings(self) -> Mapping[str, object]:
        """Every setting with its value."""
        return dict(vars(self))

    def best_auroc(self) -> Mapping[str, float]:
        """Best reachable one-vs-rest AUROC of each class of nuclei.

        A mitosis loses against an apoptotic body only, with probability Phi(-separation / sqrt 2):
        the difference of two appearances has variance 2.
        """
        confused = float(ndtr(-self.separation / np.sqrt(2)))
        rest = {"mitosis": self.apoptoses / (1 - self.mitoses),
                "apoptosis": self.mitoses / (1 - self.apoptoses)}  # fmt: skip
        return {name: 1 - rest.get(name, 0.0) * confused for name in NUCLEI}

    def best_average_precision(self) -> float:
        """Best reachable average precision of mitoses: precision integrated over sensitivity."""
        threshold = np.linspace(self.separation / 2 + 9, self.separation / 2 - 9, 20_001)
        sensitivity = ndtr(self.separation / 2 - threshold)
        found = self.mitoses * sensitivity
        false = self.apoptoses * ndtr(-self.separation / 2 - threshold)
        middle = (found / (found + false))[1:] + (found / (found + false))[:-1]
        return float(np.sum(middle / 2 * np.diff(sensitivity)))

    def draw(self, patient: int, *, seed: int) -> tuple[dict[str, object], list[Field]]:
        """Facts and images of one patient, by (seed, patient) alone.

        Args:
            patient: Number of the patient, from 0.
            seed: Seed of everything that is random.
        """
        rng = np.random.default_rng([seed, patient, 0])
        institution = int(rng.random() * self.institutions)
        rate = self.mitoses * self._factor(rng)
        habit = np.linspace(-1, 1, self.institutions)[institution] if self.institutions > 1 else 0.0
        stain = drawing.draw_stain(
            variation=self.stain_variation, institution=float(habit), rng=rng
        )
        fields = [
            self._field(rate, stain, np.random.default_rng([seed, patient, k]))
            for k in range(1, self.images_per_patient + 1)
        ]
        facts: dict[str, object] = {
            "institution": chr(ord("A") + institution), "mitosis_rate": round(rate, 6),
            "haematoxylin": round(float(stain.strength[0]), 4),
            "eosin": round(float(stain.strength[1]), 4),
        }  # fmt: skip
        return facts, fields

    def _factor(self, rng: np.random.Generator) -> float:
        """Rate of a patient over the average: gamma of mean 1, cut where shares would pass 1."""
        if self.rate_variation == 0:
            return 1.0
        shape = 1 / self.rate_variation**2
        return min(float(rng.gamma(shape, 1 / shape)), (1 - self.apoptoses) / self.mitoses)

    def _field(self, rate: float, stain: drawing.Stain, rng: np.random.Generator) -> Field:
        nests = drawing.draw_nests(self.size, rng=rng)
        places = drawing.draw_places(self.size, rng=rng)
        lumens = [
            (rng.uniform(0, self.size[1]), rng.uniform(0, self.size[0]), rng.uniform(18, 34))
            for _ in range(int(rng.integers(0, 3)))
        ]
        for x, y, radius in lumens:  # nothing lies in an empty gland
            places = places[np.hypot(places[:, 0] - x, places[:, 1] - y) > radius + 18]
        classes = self._classes(len(places), rate, rng)
        order = np.argsort(nests[places[:, 1].astype(int), places[:, 0].astype(int)])
        # nuclei that are not of the tumour lie in the stroma, where the nests are low
        places = places[order][np.argsort(np.argsort(classes != "non_tumor", kind="stable"))]
        side = np.where(classes == "mitosis", 0.5, -0.5) * self.separation
        is_condensed = (classes == "mitosis") | (classes == "apoptosis")
        appearance = np.where(is_condensed, side + rng.standard_normal(len(places)), np.nan)
        stroma = np.where(rng.random(len(places)) < 0.5, "lymphocyte", "fibroblast")
        kinds = np.where(classes == "non_tumor", stroma, "tumor")
        kinds = np.where(is_condensed, "condensed", kinds)
        nuclei = [
            drawing.Nucleus(float(x), float(y), kind, 0.0 if np.isnan(a) else float(a))
            for (x, y), kind, a in zip(places, kinds.tolist(), appearance, strict=True)
        ]
        pixels = drawing.draw_tissue(nests, nuclei, lumens=lumens, stain=stain, rng=rng)
        centres = np.asarray([lumen[:2] for lumen in lumens]).reshape(-1, 2)
        return Field(
            pixels,
            (*classes.tolist(), *["lumen"] * len(lumens)),
            np.concatenate([places, centres]),
            np.concatenate([appearance, np.full(len(lumens), np.nan)]),
        )

    def _classes(self, n: int, rate: float, rng: np.random.Generator) -> NDArray[np.str_]:
        """Class of each nucleus; what the others are does not depend on the rate of mitoses."""
        apoptoses = self.apoptoses / (1 - self.mitoses)
        shares = [apoptoses, (1 - apoptoses) * (1 - NON_TUMOR_SHARE)]
        rest = np.searchsorted(np.cumsum(shares), rng.random(n), side="right")
        others = np.asarray(["apoptosis", "tumor", "non_tumor"])[rest]
        return np.where(rng.random(n) < rate, "mitosis", others)

    def write(self, out: Path, *, n_patients: int, seed: int) -> None:
        """Write images/, groundTruth/, patients.csv, study.toml, truth.json and truth_*.csv."""
        from PIL import Image

        for folder in ("images", "groundTruth"):
            (out / folder).mkdir()
        patients: list[tuple[object, ...]] = []
        truth: list[tuple[object, ...]] = []
        nuclei: list[tuple[object, ...]] = []
        total: Counter[str] = Counter()
        for i in range(n_patients):
            facts, fields = self.draw(i, seed=seed)
            counts = Counter(name for field in fields for name in field.classes)
            total += counts
            patients.append((i + 1, facts.pop("institution")))
            truth.append((i + 1, *facts.values(), *(counts[name] for name in NUCLEI)))
            for k, field in enumerate(fields, start=1):
                stem = f"Case_{i + 1}-{k:02d}"
                Image.fromarray(field.pixels).save(out / "images" / f"{stem}.png", compress_level=1)
                numbers, content = _ground_truth(field)
                write_text(out / "groundTruth" / f"{stem}.json", json.dumps(content))
                for number, name, a in zip(numbers, field.classes, field.appearance, strict=True):
                    nuclei.append((f"{stem}:{number}", name, "" if np.isnan(a) else f"{a:.6f}"))
        write_csv(out / "patients.csv", ["patient_id", "institution"], patients)
        header = ["patient_id", "mitosis_rate", "haematoxylin", "eosin"]
        write_csv(out / "truth_patients.csv", [*header, *(f"n_{n}" for n in NUCLEI)], truth)
        write_csv(out / "truth_nuclei.csv", ["unit_id", "class", "appearance"], nuclei)
        write_text(out / "study.toml", _STUDY.format(seed=seed))
        self._write_truth(out, n_patients=n_patients, seed=seed, total=total)

    def _write_truth(self, out: Path, *, n_patients: int, seed: int, total: Counter[str]) -> None:
        bounds = {n: {"value": v, "monte_carlo_error": 0.0} for n, v in self.best_auroc().items()}
        truth = {
            "simulator": "histology",
            "seed": seed,
            "n_patients": n_patients,
            "annotations": {name: total[name] for name in CLASSES},
            "settings": self.settings(),
            "best_reader": "judges each nucleus alone and sees its appearance without error",
            "best_auroc": bounds,
            "best_average_precision": {"mitosis": self.best_average_precision()},
            "columns_without_information": ["institution"],
        }
        write_text(out / "truth.json", json.dumps(truth, indent=2) + "\n")


def _ground_truth(field: Field) -> tuple[list[int], dict[str, list[dict[str, float]]]]:
    """Where each annotation stands in the file, from 1, and the file: class by class."""
    height, width = field.pixels.shape[:2]
    content: dict[str, list[dict[str, float]]] = {name: [] for name in CLASSES}
    order = sorted(range(len(field.classes)), key=lambda i: CLASSES.index(field.classes[i]))
    numbers = [0] * len(order)
    for number, i in enumerate(order, start=1):
        x, y = field.xy[i]
        place = {"x": round(float(x) / width, 6), "y": round(float(y) / height, 6)}
        content[field.classes[i]].append(place)
        numbers[i] = number
    return numbers, content
