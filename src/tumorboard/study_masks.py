"""Rules of a segmentation: its image, its labels, its patches, and what it cannot have."""

from __future__ import annotations

from tumorboard.errors import nearest
from tumorboard.study_faults import show
from tumorboard.study_keys import StudyKeys

#: Kinds of modality that can be segmented -> sides of their patches.
_SIDES = {"image": 2, "volume": 3}


def segmentation_faults(keys: StudyKeys) -> list[str]:
    """Sentences about a segmentation."""
    return [*_image(keys), *_labels(keys), *_patches(keys), *_beside(keys)]


def segments_a_picture(keys: StudyKeys) -> bool:
    """Whether the study segments a modality that can be; without one no arm can be read."""
    return keys.modalities.get(keys.task.image, {}).get("kind") in _SIDES


def _image(keys: StudyKeys) -> list[str]:
    task, kinds = keys.task, {name: str(t.get("kind")) for name, t in keys.modalities.items()}
    sentences: list[str] = []
    if task.target != "none":
        sentences.append("task.target: a segmentation names task.mask and task.labels instead.")
    if not segments_a_picture(keys):
        known = [name for name, kind in kinds.items() if kind in _SIDES]
        found = "missing" if task.image == "none" else f"found {task.image!r}"
        sentences.append(
            f"task.image: {found}. Name the modality of kind image or volume that is segmented. "
            f"{nearest(task.image, known)}"
        )
    crop = keys.modalities.get(task.image, {}).get("crop")
    if isinstance(crop, dict) and crop.get("mask") == task.mask:
        sentences.append(
            f"modalities.{task.image}.crop: names the masks of task.mask. Where the label is must "
            "not be known to what shall find it. Remove this key, or crop around something else."
        )
    if task.mask == "none":
        sentences.append("task.mask: missing. Name the pattern of the mask files.")
    return sentences


def _labels(keys: StudyKeys) -> list[str]:
    labels = keys.task.labels
    sentences: list[str] = []
    if not labels:
        sentences.append("task.labels: missing. Name each label's number, as {tumour = 1}.")
    for name, number in labels.items():
        numbers = number if isinstance(number, list) else [number]
        if not numbers or min(numbers) < 1 or max(numbers) > 255:
            sentences.append(f"task.labels.{name}: found {show(number)}, expected 1 to 255.")
    single = [number for number in labels.values() if isinstance(number, int)]
    twice = sorted({number for number in single if single.count(number) > 1})
    return sentences + [f"task.labels: the number {n} is named twice. Keep one." for n in twice]


def _patches(keys: StudyKeys) -> list[str]:
    patches = keys.training.patches
    sentences: list[str] = []
    sides = _SIDES.get(str(keys.modalities.get(keys.task.image, {}).get("kind")))
    if sides and not isinstance(patches.size, str) and len(patches.size) != sides:
        sentences.append(
            f"training.patches.size: found {show(patches.size)}, expected {sides} sides for "
            f"{keys.task.image!r}."
        )
    if patches.neighbours and (isinstance(patches.size, str) or patches.size[2:] != [1]):
        sentences.append(
            "training.patches.neighbours: is read where the last side of patches.size is 1, such "
            f"as [128, 128, 1]; found {show(patches.size)}."
        )
    is_sliced = not isinstance(patches.size, str) and patches.size[2:] == [1]
    if "z" in patches.flips and (sides == 2 or is_sliced):
        sentences.append(
            "training.patches.flips: z is no axis of a picture, nor of a volume that is read slice "
            "by slice. Remove it."
        )
    watched = {"stop": keys.training.stop.metric, "schedule": keys.training.schedule.metric}
    return sentences + [
        f"training.{where}.metric: found {metric!r}; after an epoch only loss, dice and iou of "
        "patches are known. Use one of them."
        for where, metric in watched.items()
        if metric not in ("loss", "dice", "iou")
    ]


def _beside(keys: StudyKeys) -> list[str]:
    """What is not built for masks."""
    if keys.tuning == "none":
        return []
    return ["tuning: is not built yet for a segmentation. Remove this table."]
