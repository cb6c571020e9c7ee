"""Rules of a segmentation in the study file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tumorboard.errors import StudyError
from tumorboard.study import Study


def tables(**more: Any) -> dict[str, Any]:
    """A segmentation of a volume with a note and a record; `more` is written over it."""
    base: dict[str, Any] = {
        "study": {"name": "x"},
        "cohort": {"source": "folder", "table": "t.csv"},
        "task": {"kind": "segmentation", "image": "ct", "mask": "m/{patient_id}",
                 "labels": {"tumour": 1}},
        "modalities": {
            "ct": {"kind": "volume", "files": "i/{patient_id}"},
            "note": {"kind": "notes", "column": "note"},
            "record": {"kind": "table", "numeric": ["age"]},
        },
    }  # fmt: skip
    for name, table in more.items():
        base[name] = {**base.get(name, {}), **table}
    return base


def faults(**more: Any) -> list[str]:
    with pytest.raises(StudyError) as caught:
        Study.from_tables(tables(**more), path=Path("study.toml"))
    return list(caught.value.problems)


def test_names_of_arms_with_other_notes_are_taken() -> None:
    """Such an arm would be left out of the comparisons of the study's own arms."""
    arm = {"modalities": ["ct", "note"]}
    (sentence,) = faults(arms={"film": arm, "film-silent": arm, "ct-shuffled": arm})
    assert sentence == (
        "arms.film-silent: is the name of arm 'film' with a silent note put in "
        "(evaluation.controls). Choose another name."
    )


def test_a_study_without_arms_compares_the_ways_to_join_the_note() -> None:
    study = Study.from_tables(tables(), path=Path("study.toml"))
    assert list(study.arms) == [
        "ct", "concatenation", "static_weights", "dynamic_attention", "late_average",
    ]  # fmt: skip
    assert (study.primary.arm, study.primary.reference) == ("dynamic_attention", "ct")
    assert study.primary.metric == "dice"
    assert study.keys.training.loss.name == "dice_ce"
    assert study.keys.evaluation.controls == ["silent", "shuffled", "contradicting"]
    assert study.arms["ct"].encoders["ct"]["name"] == "unet"
    assert study.arms["concatenation"].modalities[0] == "ct"


def test_the_resolved_study_resolves_to_itself() -> None:
    first = Study.from_tables(tables(), path=Path("study.toml"))
    again = Study.from_tables(first.as_tables(), path=Path("study.toml"))
    assert again.as_tables() == first.as_tables()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"task": {"image": "cd"}}, "task.image: found 'cd'. Name the modality of kind image or"),
        ({"task": {"image": "record"}}, "task.image: found 'record'. Name the modality of kind"),
        ({"task": {"mask": "none"}}, "task.mask: missing."),
        (
            {
                "modalities": {
                    "ct": {
                        "kind": "volume",
                        "files": "i/{patient_id}",
                        "crop": {"mask": "m/{patient_id}"},
                    }
                }
            },
            "modalities.ct.crop: names the masks of task.mask.",
        ),
        ({"task": {"labels": {}}}, "task.labels: missing."),
        ({"task": {"labels": {"a": 1, "b": 1}}}, "task.labels: the number 1 is named twice."),
        ({"task": {"labels": {"a": [300]}}}, "task.labels.a: found [300], expected 1 to 255."),
        ({"task": {"target": "x"}}, "task.target: a segmentation names task.mask"),
        ({"training": {"loss": "focal"}}, "training.loss: 'focal' does not fit the task"),
        ({"training": {"patches": {"size": [64, 64]}}}, "training.patches.size: found [64, 64]"),
        (
            {"training": {"patches": {"size": [64, 64, 2], "neighbours": 1}}},
            "training.patches.neighbours: is read where",
        ),
        (
            {"training": {"patches": {"size": [64, 64, 1], "flips": ["x", "z"]}}},
            "training.patches.flips: z is no axis of",
        ),
        (
            {"training": {"stop": {"metric": "hd95"}}},
            "training.stop.metric: found 'hd95'; after an epoch only loss, dice and iou",
        ),
        (
            {"arms": {"a": {"modalities": ["note", "record"], "fusion": "film"}}},
            "arms.a.modalities: 'ct', which is segmented (task.image), is not among them.",
        ),
        (
            {"arms": {"a": {"modalities": ["ct", "note"], "fusion": "gated"}}},
            "arms.a.fusion: gated joins vectors, not the maps of a segmenter.",
        ),
        (
            {"arms": {"a": {"modalities": ["ct"], "encoders": {"ct": "resnet3d"}}}},
            "arms.a.encoders.ct: 'resnet3d' is not a known segmenter.",
        ),
        (
            {"arms": {"a": {"modalities": ["record"], "baseline": "logistic_regression"}}},
            "arms.a.baseline: no baseline makes masks.",
        ),
    ],
)
def test_what_cannot_be_segmented_is_said(more: dict[str, Any], sentence: str) -> None:
    found = faults(**more)
    assert any(line.startswith(sentence) for line in found), found


def test_a_wrong_image_is_one_sentence_and_not_one_for_each_arm() -> None:
    found = faults(
        task={"image": "ctt"},
        arms={"a": {"modalities": ["ct"]}, "b": {"modalities": ["ct", "note"], "fusion": "early"}},
        modalities={"ct": {"kind": "volume", "files": "i", "encoder": "unet"}},
    )
    assert found == [
        "task.image: found 'ctt'. Name the modality of kind image or volume that is segmented. "
        "Did you mean 'ct'?"
    ]


def test_keys_of_masks_belong_to_segmentations() -> None:
    plain = {
        "study": {"name": "x"},
        "cohort": {"source": "folder", "table": "t.csv"},
        "task": {"target": "y", "labels": {"a": 1}},
        "modalities": {"record": {"kind": "table", "numeric": ["age"]}},
        "training": {"loss": "dice_ce"},
        "evaluation": {"controls": ["silent"]},
    }
    with pytest.raises(StudyError) as caught:
        Study.from_tables(plain, path=Path("study.toml"))
    said = " ".join(caught.value.problems)
    assert "task.labels: belongs to the task segmentation" in said
    assert "training.loss: 'dice_ce' does not fit the task classification" in said
    assert "evaluation.controls: belongs to the task segmentation" in said


def test_a_metric_that_patches_lack_is_one_sentence() -> None:
    for metric in ("auroc", "hd95"):
        found = faults(training={"stop": {"metric": metric}})
        assert found == [
            f"training.stop.metric: found {metric!r}; after an epoch only loss, dice and iou of "
            "patches are known. Use one of them."
        ]
