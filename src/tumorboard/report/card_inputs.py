"""What the model card says of inputs: files, encoders, missing values, how to predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tumorboard.report.markdown import code, plain


def inputs(document: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    """What the arm reads, and what it is made of."""
    arm = study["arms"][document["arm"]]
    lines = ["## Inputs and architecture", ""]
    for name in arm["modalities"]:
        settings = study["modalities"][name]
        lines.append(f"- `{code(name)}` ({plain(settings['kind'])}): {_reads(settings)}")
        encoder = arm.get("encoders", {}).get(name)
        if encoder:
            lines.append(f"  - encoder {_settings(encoder)}; {_weights(encoder)}")
    if arm.get("baseline", "none") != "none":
        lines.append(f"- classical baseline {_settings(arm['baseline'])}")
    elif arm.get("fusion", "none") != "none":
        lines.append(f"- fusion {_settings(arm['fusion'])}")
    fitted = "Every fitted step (scaling, imputation, categories) saw training patients only."
    return [*lines, "", fitted]


def _reads(settings: Mapping[str, Any]) -> str:
    columns = [*settings.get("numeric", ()), *settings.get("categorical", ())]
    if columns:
        return "columns " + ", ".join(f"`{code(name)}`" for name in columns)
    named = _named_files(settings)
    return ", ".join(named) if named else "see model.json"


def _named_files(settings: Mapping[str, Any]) -> list[str]:
    """Files per patient, and tables of all patients such as genes or visits."""
    return [
        f"{word} `{code(settings[key])}`"
        for key, word in (("files", "files"), ("table", "table"), ("gene_sets", "gene sets"))
        if settings.get(key, "none") not in ("", "none")
    ]


def _weights(encoder: Mapping[str, Any]) -> str:
    weights = encoder.get("weights", "none")
    return "trained from scratch" if weights == "none" else f"started from {plain(weights)}"


def _settings(component: Mapping[str, Any]) -> str:
    rest = ", ".join(f"{k} = {v}" for k, v in component.items() if k != "name")
    return f"`{code(component['name'])}`" + (f" ({plain(rest)})" if rest else "")


def missing(document: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    """What becomes of a patient who lacks a value or a modality."""
    arm = study["arms"][document["arm"]]
    members = arm["modalities"]
    lines = ["## Missing values and missing modalities", ""]
    if len(members) == 1:
        lines.append(f"A patient without `{code(members[0])}` gets no prediction, and is listed.")
    else:
        lines.append(
            "Any non-empty subset of the modalities is accepted: what is missing is left out of "
            "the fusion, never replaced by zero. A patient with none of them gets no prediction, "
            "and is listed."
        )
        dropout = arm.get("training", study.get("training", {})).get("modality_dropout", 0.0)
        lines.append(
            f"While training, a modality was hidden at random with probability {dropout:g}."
            if dropout
            else "Modalities were not hidden at random while training, so a subset that was rare "
            "among the training patients may be predicted badly."
        )
    if any(study["modalities"][m]["kind"] == "table" for m in members):
        lines.append(
            "Empty cells of a table are filled from statistics of the training patients, as the "
            "modality's settings in model.json say."
        )
    return lines


def how_to_predict(document: Mapping[str, Any]) -> list[str]:
    """The command and the call that predict with the model."""
    study = document["study"]
    members = study["arms"][document["arm"]]["modalities"]
    files = [each for name in members for each in _named_files(study["modalities"][name])]
    tail = f" and the {', '.join(files)}" if files else ""
    return [
        "## How to predict",
        "",
        f"A table with the columns above{tail}, then `tumorboard predict MODEL --cohort TABLE "
        "--out FILE`, or from Python:",
        "",
        "```python",
        "import tumorboard",
        "",
        "tumorboard.open(MODEL).predict(TABLE)",
        "```",
        "",
        "The folder holds JSON and safetensors only: nothing in it is executed on loading, and "
        "every file is checked against its SHA-256.",
    ]
