"""Prescriptions by class of drug: one 0/1 column per class and admission.

A class is a list of parts of names of its drugs (international names and brands that hospitals
write), after the groups of the WHO's ATC classification, which stand beside it. Names are compared
in lower case. The list is for predictors of groups of patients, not for judging one prescription.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tumorboard.formats.table_scan import HospitalTable, Kind, reading, scan

if TYPE_CHECKING:
    import polars

#: Class -> parts of drug names, each at the start of a word.
DRUG_CLASSES: Mapping[str, tuple[str, ...]] = {
    # J01
    "antibiotic": (
        "vancomycin", "piperacillin", "amoxicillin", "ampicillin", "penicillin", "nafcillin",
        "oxacillin", "cef", "ceph", "meropenem", "imipenem", "ertapenem", "aztreonam",
        "ciprofloxacin", "levofloxacin", "moxifloxacin", "azithromycin", "clarithromycin",
        "erythromycin", "clindamycin", "doxycycline", "tigecycline", "gentamicin", "tobramycin",
        "amikacin", "linezolid", "daptomycin", "metronidazole", "sulfamethoxazole", "bactrim",
        "nitrofurantoin", "unasyn", "zosyn", "colistin", "rifampin",
    ),
    # J02
    "antifungal": (
        "fluconazole", "voriconazole", "posaconazole", "itraconazole", "caspofungin", "micafungin",
        "amphotericin", "ambisome",
    ),
    # J05
    "antiviral": (
        "acyclovir", "valacyclovir", "ganciclovir", "valganciclovir", "oseltamivir", "lamivudine",
        "tenofovir", "ritonavir", "zidovudine", "efavirenz", "abacavir", "emtricitabine",
    ),
    # B01A, without B01AC
    "anticoagulant": (
        "heparin", "enoxaparin", "lovenox", "dalteparin", "fondaparinux", "warfarin", "coumadin",
        "argatroban", "bivalirudin", "dabigatran", "rivaroxaban", "apixaban", "lepirudin",
    ),
    # B01AC
    "antiplatelet": (
        "aspirin", "clopidogrel", "plavix", "prasugrel", "ticagrelor", "dipyridamole",
        "eptifibatide", "tirofiban", "abciximab",
    ),
    # N02A
    "opioid": (
        "morphine", "hydromorphone", "dilaudid", "oxycodone", "oxycontin", "percocet", "fentanyl",
        "hydrocodone", "vicodin", "codeine", "tramadol", "methadone", "meperidine", "buprenorphine",
        "tapentadol",
    ),
    # N05B, N05C, N01A
    "sedative": (
        "propofol", "midazolam", "lorazepam", "diazepam", "clonazepam", "alprazolam",
        "dexmedetomidine", "zolpidem", "temazepam", "ketamine", "phenobarbital",
    ),
    # N05A
    "antipsychotic": (
        "haloperidol", "quetiapine", "olanzapine", "risperidone", "aripiprazole", "ziprasidone",
    ),
    # N06A
    "antidepressant": (
        "citalopram", "escitalopram", "sertraline", "fluoxetine", "paroxetine", "venlafaxine",
        "duloxetine", "mirtazapine", "bupropion", "trazodone", "amitriptyline", "nortriptyline",
    ),
    # A10A
    "insulin": ("insulin", "humalog", "novolog", "lantus", "glargine"),
    # A10B
    "oral_antidiabetic": (
        "metformin", "glipizide", "glyburide", "glimepiride", "pioglitazone", "rosiglitazone",
        "sitagliptin", "repaglinide",
    ),
    # C03
    "diuretic": (
        "furosemide", "lasix", "bumetanide", "torsemide", "hydrochlorothiazide", "chlorothiazide",
        "metolazone", "spironolactone", "acetazolamide", "chlorthalidone", "triamterene",
    ),
    # C07
    "beta_blocker": (
        "metoprolol", "atenolol", "carvedilol", "labetalol", "propranolol", "esmolol", "bisoprolol",
        "nadolol", "sotalol",
    ),
    # C09
    "ace_inhibitor_or_arb": (
        "lisinopril", "captopril", "enalapril", "ramipril", "quinapril", "benazepril", "losartan",
        "valsartan", "irbesartan", "candesartan", "olmesartan",
    ),
    # C08
    "calcium_channel_blocker": (
        "amlodipine", "diltiazem", "nifedipine", "verapamil", "nicardipine", "felodipine",
    ),
    # C10AA
    "statin": ("atorvastatin", "simvastatin", "pravastatin", "rosuvastatin", "lovastatin"),
    # C01CA, H01BA
    "vasopressor": (
        "norepinephrine", "levophed", "epinephrine", "phenylephrine", "vasopressin", "dopamine",
        "dobutamine",
    ),
    # C01B
    "antiarrhythmic": ("amiodarone", "digoxin", "procainamide", "flecainide", "dofetilide"),
    # H02
    "steroid": (
        "prednisone", "prednisolone", "methylprednisolone", "solu-medrol", "dexamethasone",
        "hydrocortisone", "budesonide",
    ),
    # A02B
    "acid_suppressant": (
        "pantoprazole", "omeprazole", "esomeprazole", "lansoprazole", "famotidine", "ranitidine",
    ),
    # A04
    "antiemetic": (
        "ondansetron", "zofran", "granisetron", "prochlorperazine", "metoclopramide",
        "promethazine", "aprepitant",
    ),
    # R03
    "bronchodilator": ("albuterol", "ipratropium", "tiotropium", "salmeterol", "levalbuterol"),
    # L01
    "chemotherapy": (
        "cyclophosphamide", "doxorubicin", "epirubicin", "daunorubicin", "paclitaxel", "docetaxel",
        "carboplatin", "cisplatin", "oxaliplatin", "fluorouracil", "capecitabine", "gemcitabine",
        "vinorelbine", "vincristine", "vinblastine", "eribulin", "etoposide", "irinotecan",
        "topotecan", "methotrexate", "cytarabine", "bleomycin", "ifosfamide", "bortezomib",
    ),
    # L01F
    "targeted_therapy": (
        "trastuzumab", "herceptin", "pertuzumab", "lapatinib", "bevacizumab", "rituximab",
        "cetuximab", "imatinib", "erlotinib", "palbociclib", "pembrolizumab", "nivolumab",
    ),
    # L02
    "endocrine_therapy": (
        "tamoxifen", "anastrozole", "letrozole", "exemestane", "fulvestrant", "leuprolide",
        "goserelin", "megestrol", "bicalutamide",
    ),
    # L04
    "immunosuppressant": (
        "tacrolimus", "cyclosporine", "mycophenolate", "azathioprine", "sirolimus",
    ),
    # B05, transfusion and nutrition left out
    "potassium": ("potassium chloride", "potassium phosphate", "k-phos"),
}  # fmt: skip

_DAY_HOURS = 24


def classes_of(drug: str) -> frozenset[str]:
    """Classes of a drug by its name as a hospital writes it."""
    text = drug.lower()
    return frozenset(name for name, pattern in _PATTERNS.items() if pattern.search(text))


#: A combined drug ("isosorbide-hydrochlorothiazide") starts a word after its hyphen too. A flush
#: of a line with a little heparin treats nobody.
_FLUSH = r"^(?!.*flush)"
_PATTERNS = {
    name: re.compile(
        (_FLUSH if name == "anticoagulant" else "") + r".*?\b(?:" + "|".join(parts) + ")"
    )
    for name, parts in ((n, [re.escape(p) for p in ps]) for n, ps in DRUG_CLASSES.items())
}


def drug_columns(
    prescriptions: HospitalTable,
    stays: polars.DataFrame,
    *,
    classes: Sequence[str] = tuple(DRUG_CLASSES),
    window_hours: Sequence[float] = (),
) -> polars.DataFrame:
    """For every admission, whether it was prescribed a drug of each class.

    Args:
        prescriptions: The table prescriptions.
        stays: The admissions that are kept: `stay`, `hadm_id`, `admittime`.
        classes: Of `DRUG_CLASSES`.
        window_hours: (from, to) in hours from admission: prescriptions that start in that time. A
            start without a time of day counts only where the whole day lies before the end.
            Empty: all of the admission.

    Returns:
        `stay` and `drug_<class>`: 1, or 0 for an admission that has prescriptions in that time but
        none such. Admissions without any are absent: a 0 for those that get some later would tell
        what nobody knows yet.

    Raises:
        InputError: Columns or cells at fault.
    """
    import polars as pl

    start = prescriptions.first_of("starttime", "startdate")
    kinds: dict[str, Kind] = {"hadm_id": "whole", "drug": "text"}
    names = ["drug"]
    if "drug_name_generic" in prescriptions.columns:
        kinds["drug_name_generic"] = "text"
        names.append("drug_name_generic")
    if window_hours:
        kinds[start] = "moment"
    text = pl.concat_str([pl.col(n).fill_null("") for n in names], separator=" ").str.to_lowercase()
    rows = scan(prescriptions, kinds).join(
        stays.lazy().select("hadm_id", "stay", "admittime"), on="hadm_id", how="inner"
    )
    within = _within(pl.col(start), window_hours) if window_hours else pl.lit(value=True)
    with reading((prescriptions, kinds)):
        found = (
            rows.select("stay", text.alias("drug"), within.alias("within"))
            .filter(pl.col("within"))
            .select("stay", "drug")
            .unique()
            .collect(engine="streaming")
        )
    drugs = found["drug"].unique()
    known = [classes_of(drug) for drug in drugs]
    table = pl.DataFrame(
        {"drug": drugs, **{f"drug_{c}": [c in of for of in known] for c in classes}}
    )
    columns = [f"drug_{name}" for name in classes]
    return found.join(table, on="drug").group_by("stay").agg(pl.col(columns).any().cast(pl.Int8))


def _within(start: polars.Expr, window_hours: Sequence[float]) -> polars.Expr:
    import polars as pl

    first, last = (pl.col("admittime") + pl.duration(hours=hours) for hours in window_hours)
    is_day = start.dt.time() == pl.time(0, 0, 0)
    end = pl.when(is_day).then(start + pl.duration(hours=_DAY_HOURS)).otherwise(start)
    return (end >= first) & (end <= last)
