"""Patients of a simulated radiogenomic cohort, and what each modality tells of their signals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms import simulated_lung_cancer as cancer
from tumorboard.transforms.chest_drawing import LARGEST_MM, SMALLEST_MM
from tumorboard.transforms.simulated_expression import PROGRAMMES, ExpressionModel

#: Programme -> the signal that it follows. Programmes besides follow nothing that counts.
FOLLOWS: Mapping[str, str] = {
    "HALLMARK_HYPOXIA": "hypoxia",
    "HALLMARK_G2M_CHECKPOINT": "proliferation",
    "T_CELL_EXHAUSTION": "exhaustion",
}
#: Normal and uniform numbers that one patient takes, by what they make.
_NORMAL: Mapping[str, int] = {
    "signals": 7, "roughness": 1, "programmes": 6, "record": 4, "times": 5, "ruler": 5, "ldh": 5,
    "genes": 3,
}  # fmt: skip
_UNIFORM: Mapping[str, int] = {
    "stage": 1, "follow_up": 2, "histology": 1, "sex": 1, "smoking": 1, "missing": 4, "ct": 1,
    "rna": 1, "tnm": 1, "institution": 1, "protocol": 1, "visits": 1,
}  # fmt: skip
N_NORMAL, N_UNIFORM = sum(_NORMAL.values()), sum(_UNIFORM.values())
#: Share of squamous cell carcinoma, of men, and of those who never, formerly and still smoke.
SQUAMOUS_SHARE, MALE_SHARE = 0.25, 0.6
SMOKING: Mapping[str, float] = {"never": 0.2, "former": 0.6, "current": 0.2}
#: Growth of ln(diameter) in 30 days where the signal is 0, per unit of it, and error of a ruler.
GROWTH, GROWTH_SPREAD, RULER = 0.03, 0.03, 0.04
#: Most visits before the examination, days between them, and spread of ln(LDH) between visits.
MOST_VISITS, VISIT_DAYS, LDH_SPREAD = 5, 60.0, 0.08
#: Share of patients of the first institution.
FIRST_SHARE = 0.56

_INDEX = {name: i for i, name in enumerate(cancer.SIGNALS)}
_LDH = list(cancer.RECORD_LOADINGS).index("ldh")


@dataclass(frozen=True)
class Settings:
    """What the numbers of a patient are made with; see the simulator."""

    image_hypoxia: float
    censored: float
    missing_ct: float
    missing_rna: float
    missing_values: float


@dataclass(frozen=True)
class Patients:
    """What is drawn before anything is written; every array has one row per patient.

    Args:
        signals: (n, signals) in the order of `cancer.SIGNALS`.
        roughness: What the nodule shows: hypoxia with noise.
        programmes: Programme -> what its genes show.
        is_squamous: 1 for squamous cell carcinoma.
        is_male: Sex.
        smoking: Status in `SMOKING`.
        record: (n, 4) value behind each cell of the record.
        is_missing: (n, 4) True where such a cell is empty.
        has_ct: Whether there is a CT.
        has_rna: Whether there is RNA.
        stage: Number in `cancer.STAGES`.
        tnm: Uniform number that chooses T and N.
        days: Follow-up.
        event: Whether it ended with death.
        institution: 0 or 1.
        protocol: Uniform number that chooses the scanner's protocol.
        visits: (n, MOST_VISITS) days from the examination, negative; NaN where there was none.
        ruler: (n, MOST_VISITS) standard normal error of the diameter.
        ldh_wave: (n, MOST_VISITS) standard normal wave of LDH.
        gene_error: (n, 3) standard normal error that the genes of each pathway of `FOLLOWS` leave
            in what they show together; for the bounds alone, since genes are drawn one by one.
    """

    signals: Floats
    roughness: Floats
    programmes: Mapping[str, Floats]
    is_squamous: Bools
    is_male: Bools
    smoking: tuple[str, ...]
    record: Floats
    is_missing: Bools
    has_ct: Bools
    has_rna: Bools
    stage: Ints
    tnm: Floats
    days: Floats
    event: Bools
    institution: Ints
    protocol: Floats
    visits: Floats
    ruler: Floats
    ldh_wave: Floats
    gene_error: Floats

    @property
    def diameter_mm(self) -> Floats:
        """(n,) of the ball that has the nodule's volume; a function of the signal of size."""
        span = LARGEST_MM - SMALLEST_MM
        return SMALLEST_MM + span * ndtr(self.signals[:, _INDEX["size"]] - 0.3)

    def signal(self, name: str) -> Floats:
        """(n,) one signal."""
        return self.signals[:, _INDEX[name]]


def draw_patients(
    normal: Floats, uniform: Floats, *, settings: Settings, expression: ExpressionModel
) -> Patients:
    """Patients made of (n, N_NORMAL) normal and (n, N_UNIFORM) uniform numbers."""
    z, u = _cut(normal, _NORMAL), _cut(uniform, _UNIFORM)
    signals, seen = z["signals"], settings.image_hypoxia
    model = cancer.LungCancerModel(settings.censored)
    days, event = model.follow_up(signals, u["follow_up"])
    smoking = np.searchsorted(np.cumsum(list(SMOKING.values()))[:-1], u["smoking"][:, 0])
    hypoxia = signals[:, _INDEX["hypoxia"]]
    return Patients(
        signals=signals,
        roughness=seen * hypoxia + np.sqrt(1 - seen**2) * z["roughness"][:, 0],
        programmes=_programmes(signals, z["programmes"], expression.noise),
        is_squamous=u["histology"][:, 0] < SQUAMOUS_SHARE,
        is_male=u["sex"][:, 0] < MALE_SHARE,
        smoking=tuple(list(SMOKING)[k] for k in smoking.tolist()),
        record=cancer.show_record(signals[:, _INDEX["frailty"]], z["record"]),
        is_missing=u["missing"] < settings.missing_values,
        has_ct=u["ct"][:, 0] >= settings.missing_ct,
        has_rna=u["rna"][:, 0] >= settings.missing_rna,
        stage=model.stage(signals, u["stage"][:, 0]),
        tnm=u["tnm"][:, 0],
        days=np.ceil(days),
        event=event,
        institution=(u["institution"][:, 0] >= FIRST_SHARE).astype(np.int64),
        protocol=u["protocol"][:, 0],
        visits=_visit_days(z["times"], u["visits"][:, 0]),
        ruler=z["ruler"],
        ldh_wave=z["ldh"],
        gene_error=z["genes"],
    )


def visit_values(patients: Patients) -> tuple[Floats, Floats]:
    """(n, MOST_VISITS) diameter in mm and LDH in U/l at each visit, NaN where there was none."""
    rate = (GROWTH + GROWTH_SPREAD * patients.signal("growth"))[:, None] / 30
    log_diameter = np.log(patients.diameter_mm)[:, None] + rate * patients.visits
    diameter = np.exp(log_diameter + RULER * patients.ruler)
    ldh = ldh_of(patients.record[:, _LDH])[:, None] * np.exp(LDH_SPREAD * patients.ldh_wave)
    return diameter, np.where(np.isnan(patients.visits), np.nan, ldh)


def ldh_of(standard: Floats) -> Floats:
    """Lactate dehydrogenase in U/l of the value behind it."""
    return np.exp(5.35 + 0.28 * standard)


def known_from(
    patients: Patients, modalities: Collection[str], *, settings: Settings,
    expression: ExpressionModel,
) -> cancer.Beliefs:  # fmt: skip
    """What an ideal reader of some modalities knows of the signals.

    Args:
        patients: The patients; what one lacks tells nothing.
        modalities: Of "ct", "rna", "record", "visits"; "true_signals" stands for all that counts.
        settings: As the patients were drawn with.
        expression: Likewise.
    """
    n = len(patients.days)
    channels: list[tuple[Floats, Floats]] = []
    if "ct" in modalities:
        channels.append(_shown_by_ct(patients, settings.image_hypoxia))
    if "rna" in modalities:
        channels.append(_shown_by_rna(patients, expression))
    if "visits" in modalities:
        channels.append(_shown_by_visits(patients))
    if "true_signals" in modalities:
        channels.append((patients.signals, np.zeros_like(patients.signals)))
        return cancer.believe(channels, cancer.frailty_known(patients.signal("frailty")))
    is_missing = np.ones((n, len(cancer.RECORD_LOADINGS)), dtype=np.bool_)
    if "record" in modalities:
        is_missing &= patients.is_missing
    if "visits" in modalities:
        is_missing[:, _LDH] = False
    return cancer.believe(channels, cancer.frailty_of_record(patients.record, is_missing))


def _cut(numbers: Floats, widths: Mapping[str, int]) -> dict[str, Floats]:
    ends = np.cumsum(list(widths.values()))[:-1]
    return dict(zip(widths, np.split(numbers, ends, axis=1), strict=True))


def _programmes(signals: Floats, normal: Floats, noise: float) -> dict[str, Floats]:
    """What each programme shows; those that follow no signal vary as much."""
    found: dict[str, Floats] = {}
    for k, name in enumerate(
        name for name in PROGRAMMES if name.startswith(("HALLMARK", "T_CELL"))
    ):
        if name in FOLLOWS:
            found[name] = signals[:, _INDEX[FOLLOWS[name]]] + noise * normal[:, k]
        else:
            found[name] = np.sqrt(1 + noise**2) * normal[:, k]
    return found


def _visit_days(normal: Floats, uniform: Floats) -> Floats:
    """Days of two to five visits, the last of them shortly before the examination."""
    number = np.arange(MOST_VISITS)[::-1]
    days = np.rint(-10 - VISIT_DAYS * number + 4 * np.clip(normal, -2, 2))
    n_visits = 2 + np.floor(uniform * (MOST_VISITS - 1))
    return np.where(number < n_visits[:, None], days, np.nan)


def _nothing(patients: Patients) -> tuple[Floats, Floats]:
    return np.zeros_like(patients.signals), np.full_like(patients.signals, np.inf)


def _shown_by_ct(patients: Patients, seen: float) -> tuple[Floats, Floats]:
    shown, noise = _nothing(patients)
    for name in ("size", "glass"):
        shown[:, _INDEX[name]] = patients.signal(name)
        noise[:, _INDEX[name]] = 0.0
    if seen != 0:
        shown[:, _INDEX["hypoxia"]] = patients.roughness / seen
        noise[:, _INDEX["hypoxia"]] = (1 - seen**2) / seen**2
    noise[~patients.has_ct] = np.inf
    return shown, noise


def _shown_by_rna(patients: Patients, expression: ExpressionModel) -> tuple[Floats, Floats]:
    shown, noise = _nothing(patients)
    for k, (programme, name) in enumerate(FOLLOWS.items()):
        variance = expression.variance_of(programme)
        of_genes = np.sqrt(max(variance - expression.noise**2, 0.0))
        error = of_genes * patients.gene_error[:, k]
        shown[:, _INDEX[name]] = patients.programmes[programme] + error
        noise[:, _INDEX[name]] = variance
    noise[~patients.has_rna] = np.inf
    return shown, noise


def _shown_by_visits(patients: Patients) -> tuple[Floats, Floats]:
    """Growth by least squares of ln(diameter) on days; size by the diameter that it leads to."""
    shown, noise = _nothing(patients)
    months = patients.visits / 30
    diameter, _ = visit_values(patients)
    centred = months - np.nanmean(months, axis=1, keepdims=True)
    squares = np.nansum(centred**2, axis=1)
    slope = np.nansum(centred * np.log(diameter), axis=1) / squares
    shown[:, _INDEX["growth"]] = (slope - GROWTH) / GROWTH_SPREAD
    noise[:, _INDEX["growth"]] = (RULER / GROWTH_SPREAD) ** 2 / squares
    shown[:, _INDEX["size"]] = patients.signal("size")
    noise[:, _INDEX["size"]] = 0.01
    return shown, noise
