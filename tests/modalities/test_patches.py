"""Patches: windows at points, their stains, what is refused, and what a model folder keeps."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from stained_slides import OTHER, points, save, stained

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.modalities import row_weights
from tumorboard.modalities.measured.patches import MeasuredPatches
from tumorboard.modalities.patches import Patches
from tumorboard.records import Cohort, FittedState, Ints
from tumorboard.study import Study

STILL: dict[str, Any] = {
    "right_angles": False, "flip_horizontal": False, "flip_vertical": False, "crop_low": 1.0,
    "stain_jitter": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0,
}  # fmt: skip


def read(modality: Patches, cohort: Cohort, tmp_path: Path) -> MeasuredPatches:
    return modality.read(cohort, name="tissue", cache=Cache(tmp_path / "cache"))


def fitted(modality: Patches, cohort: Cohort, rows: Ints, tmp_path: Path) -> MeasuredPatches:
    measured = read(modality, cohort, tmp_path)
    modality.fit(measured, rows, weight=row_weights(cohort.patient_id, rows))
    return measured


def window(pixels: NDArray[np.uint8], x: float, y: float, side: int) -> NDArray[np.uint8]:
    """The published rule: corner is the centre less half, rounded half up; mirrored."""
    left, top = (int(np.floor(value - side / 2 + 0.5)) for value in (x, y))
    padded = np.pad(pixels, ((side, side), (side, side), (0, 0)), mode="reflect")
    part = padded[top + side : top + 2 * side, left + side : left + 2 * side]
    return np.moveaxis(part, -1, 0)


def test_windows_are_those_of_numpys_reflection(tmp_path: Path) -> None:
    pixels = [stained(1), stained(2)]
    paths = [save(tmp_path / f"{k}.png", p) for k, p in enumerate(pixels)]
    places = [(64.0, 48.0), (0.0, 0.0), (127.5, 3.25), (20.5, 96.0), (128.0, 50.0)]
    of_slide = [0, 1, 0, 1, 0]
    cohort = points([(paths[k],) for k in of_slide], [(f"{x}", f"{y}") for x, y in places])
    modality = Patches(window_px=16, size=(16, 16))
    measured = fitted(modality, cohort, np.arange(5), tmp_path)
    order = np.array([4, 0, 3, 1, 2, 2])
    found = modality.arrays(measured, order)
    assert found.dtype == np.uint8
    for row, patch in zip(order.tolist(), found, strict=True):
        x, y = places[row]
        np.testing.assert_array_equal(patch, window(pixels[of_slide[row]], x, y, 16))
    shown = measured.picture(3)
    assert shown is not None
    np.testing.assert_array_equal(shown, np.moveaxis(found[2], 0, -1))


def test_a_smaller_patch_is_pillows_bicubic(tmp_path: Path) -> None:
    pixels = stained(3)
    cohort = points([(save(tmp_path / "a.png", pixels),)], [("64", "48")])
    modality = Patches(window_px=32, context=1.5, size=(16, 24))
    measured = fitted(modality, cohort, np.arange(1), tmp_path)
    image = Image.fromarray(np.moveaxis(window(pixels, 64, 48, 48), 0, -1))
    expected = np.asarray(image.resize((24, 16), Image.Resampling.BICUBIC)).astype(int)
    found = np.moveaxis(modality.arrays(measured, np.arange(1))[0], 0, -1).astype(int)
    assert np.abs(found - expected).max() <= 1


def test_micrometres_need_a_known_scale(tmp_path: Path) -> None:
    pixels = stained(4)
    cohort = points([(save(tmp_path / "unscaled.png", pixels),)], [("60", "40")])
    with pytest.raises(InputError, match=r"unscaled\.png.*mpp = micrometre per pixel"):
        read(Patches(window_um=8.0), cohort, tmp_path)
    modality = Patches(window_um=8.0, mpp=0.5, size=(16, 16))
    measured = fitted(modality, cohort, np.arange(1), tmp_path)
    np.testing.assert_array_equal(
        modality.arrays(measured, np.arange(1))[0], window(pixels, 60, 40, 16)
    )


def test_what_cannot_be_used_is_rejected_once_and_the_rest_stay(tmp_path: Path) -> None:
    good = save(tmp_path / "good.png", stained(5))
    small = save(tmp_path / "small.png", stained(6, size=(10, 40)))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    cohort = points(
        [(good,), (bad,), (bad,), (good,), (good,), (small,), ()],
        [("9", "9"), ("9", "9"), ("8", "8"), ("200", "9"), (None, "9"), ("5", "5"), ("1", "1")],
        patients=["a", "b", "b", "c", "d", "e", "f"],
    )
    measured = read(Patches(window_px=16), cohort, tmp_path)
    assert measured.present.tolist() == [True] + 6 * [False]
    reasons = {r.patient_id: r.reason for r in measured.rejections}
    assert list(reasons) == ["b", "e", "c"]
    assert len(measured.rejections) == 3
    assert "smaller than a window of 16 x 16" in reasons["e"]
    assert "line 5 of points.csv" in reasons["c"]
    assert "128 x 96 pixels" in reasons["c"]
    assert {(r.path.name, r.state) for r in measured.records} == {
        ("good.png", "used"), ("bad.png", "rejected"), ("small.png", "rejected"),
    }  # fmt: skip


def test_faults_of_the_table_are_errors(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", stained(5))
    without = points([(path,)], [("1", "1")], columns={"x_px": ("1",)})
    with pytest.raises(InputError, match="needs column 'y_px'"):
        read(Patches(), without, tmp_path)
    with pytest.raises(InputError, match="'12 px'"):
        read(Patches(), points([(path,)], [("12 px", "1")]), tmp_path)
    other = save(tmp_path / "b.png", stained(6))
    with pytest.raises(InputError, match="line 2 has several images"):
        read(Patches(), points([(path, other)], [("1", "1")]), tmp_path)


def test_settings_at_fault_are_named_together() -> None:
    with pytest.raises(StudyError) as error:
        Patches(window_px=0, overlap=1.0, most=4, stain_transfer=0.5)
    assert [line.split(":")[0] for line in error.value.problems] == [
        "window_px", "most", "overlap", "stain_transfer",
    ]  # fmt: skip
    with pytest.raises(StudyError, match="hue"):
        Patches(hue=0.9)
    assert Patches().columns == ()


@pytest.mark.parametrize("method", ["macenko", "reinhard"])
def test_slides_of_two_laboratories_look_alike_after_normalisation(
    tmp_path: Path, method: Any
) -> None:
    # the same tissue, stained in two laboratories
    slides = [stained(7), stained(7, vectors=OTHER, amount=0.7)]
    paths = [save(tmp_path / f"{k}.png", pixels) for k, pixels in enumerate(slides)]
    cohort = points([(p,) for p in paths], 2 * [("80", "60")])
    modality = Patches(window_px=48, size=(48, 48), stain_normalisation=method)
    measured = fitted(modality, cohort, np.array([0]), tmp_path)
    plain = Patches(window_px=48, size=(48, 48))
    before = plain.arrays(fitted(plain, cohort, np.array([0]), tmp_path), np.arange(2)).astype(int)
    after = modality.arrays(measured, np.arange(2)).astype(int)
    assert np.abs(after[0] - before[0]).max() <= 2  # the only training slide is the target
    if method == "reinhard":  # moments alone: pixels keep their own contrast between stains
        before, after = (values.mean(axis=(2, 3)) for values in (before, after))
    apart = np.abs(before[1] - before[0]).mean()
    assert np.abs(after[1] - after[0]).mean() < 0.5 * apart


def test_the_target_is_of_training_slides_each_patient_weighing_1(tmp_path: Path) -> None:
    amounts = {"a": (1.0, 1.0, 1.0), "b": (0.6,), "c": (0.5,), "test": (2.0,)}
    paths, patients = [], []
    for patient, values in amounts.items():
        for k, amount in enumerate(values):
            paths.append(save(tmp_path / f"{patient}{k}.png", stained(k, amount=amount)))
            patients.append(patient)
    cohort = points([(p,) for p in paths], 6 * [("80", "60")], patients=patients)
    modality = Patches(window_px=32, stain_normalisation="macenko")
    measured = fitted(modality, cohort, np.arange(5), tmp_path)
    target = modality.state().values["target"]["maximum"]
    looks = [measured.patches.looks[k].to_plain() for k in range(6)]
    # of patients a, b and c the middle one is b, although most slides are a's
    np.testing.assert_allclose(target, looks[3]["maximum"])
    save(paths[5], stained(9, vectors=OTHER))
    again = Patches(window_px=32, stain_normalisation="macenko")
    fitted(again, cohort, np.arange(5), tmp_path)
    assert again.state().values == modality.state().values


def test_a_stored_state_restains_and_augments_alike(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{k}.png", stained(k, amount=0.6 + 0.2 * k)) for k in range(4)]
    cohort = points([(p,) for p in paths], 4 * [("80", "60")])
    settings: dict[str, Any] = {
        "window_px": 32, "size": (16, 16), "stain_normalisation": "macenko", "stain_transfer": 0.9,
        "rotation_degrees": 20.0, "noise": 0.02, "blur_px": 1.0,
    }  # fmt: skip
    modality = Patches(**settings)
    measured = fitted(modality, cohort, np.arange(3), tmp_path)
    state = json.loads(json.dumps(dict(modality.state().values), allow_nan=False))
    restored = Patches(**settings)
    spec = restored.restore(FittedState(state))
    assert spec.sizes == (3, 16, 16)
    batches = [torch.from_numpy(m.arrays(measured, np.arange(4))) for m in (modality, restored)]
    assert torch.equal(*batches)
    seeds = [torch.Generator().manual_seed(3) for _ in range(2)]
    first, second = (
        m.finish(b, generator=g)
        for m, b, g in zip((modality, restored), batches, seeds, strict=True)
    )
    assert torch.equal(first, second)
    assert first.min() >= 0
    assert first.max() <= 1
    assert (first - batches[0] / 255).abs().mean() > 0.01
    with pytest.raises(InputError, match="model folder is damaged"):
        Patches().restore(FittedState(state))


def test_imagenet_is_shown_as_it_was_and_not_applied_twice(tmp_path: Path) -> None:
    cohort = points([(save(tmp_path / "a.png", stained(1)),)], [("64", "48")])
    modality = Patches(window_px=16, size=(16, 16), normalise="imagenet", **STILL)
    measured = fitted(modality, cohort, np.arange(1), tmp_path)
    batch = torch.from_numpy(modality.arrays(measured, np.arange(1)))
    for generator in (None, torch.Generator().manual_seed(1)):
        finished = modality.finish(batch, generator=generator)
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        sd = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        torch.testing.assert_close(finished, (batch / 255 - mean) / sd)
        torch.testing.assert_close(modality.shown(finished), batch / 255)
    path = tmp_path / "study.toml"
    path.write_text(
        '[study]\nname = "n"\nseed = 1\n[cohort]\nsource = "folder"\ntable = "t.csv"\n'
        '[task]\nkind = "classification"\ntarget = "c"\n[modalities.tissue]\nkind = "patches"\n'
        'normalise = "imagenet"\nencoder = {name = "resnet", weights = "imagenet"}\n',
        encoding="utf-8",
    )
    with pytest.raises(StudyError, match="that would happen twice"):
        Study.load(path)


def test_worse_patches_are_made_worse_before_their_stain_is_normalised(tmp_path: Path) -> None:
    image = save(tmp_path / "a.png", stained(1))
    cohort = points([(image,)] * 20, [(f"{54 + i}", "48") for i in range(20)])
    modality = Patches(window_px=16, size=(16, 16))
    measured = fitted(modality, cohort, np.arange(20), tmp_path)
    asked: list[list[int]] = []

    def darker(images: torch.Tensor, rows: Ints) -> torch.Tensor:
        asked.append(rows.tolist())
        return images / 2

    worse = replace(measured, change=darker)
    before, after = (modality.arrays(m, np.array([0, 0])).astype(int) for m in (measured, worse))
    assert asked == [[0, 0]]
    assert np.abs(after - before / 2).max() <= 0.5
    assert not modality.poor(measured, np.arange(1)).any()
    blank = replace(measured, change=lambda images, rows: torch.full_like(images, 0.5))
    assert modality.poor(blank, np.arange(1)).all()
    (note,) = modality.notes(blank, np.arange(1))
    assert "the patch of patient P0 is too poor to rely on" in note


def test_the_audit_finds_a_slide_under_two_names(tmp_path: Path) -> None:
    pixels = stained(1)
    paths = [save(tmp_path / "a.png", pixels), save(tmp_path / "b.tif", pixels)]
    paths.append(save(tmp_path / "c.png", stained(2)))
    measured = read(Patches(), points([(p,) for p in paths], 3 * [("64", "48")]), tmp_path)
    prints = measured.fingerprints()
    assert prints.digest[0] == prints.digest[1] != prints.digest[2]
    np.testing.assert_array_equal(prints.picture[0], prints.picture[1])
    assert [path.name for path in measured.sources] == ["a.png", "b.tif", "c.png"]
    mean, spread = measured.grey_levels()
    np.testing.assert_allclose(mean[0], mean[1])
    assert 0 < spread[2] < 0.5


def test_a_bag_holds_the_tissue_of_all_its_slides(tmp_path: Path) -> None:
    tissue = stained(1, size=(64, 96))
    half = np.full((64, 96, 3), 240, dtype=np.uint8)
    half[:, :48] = stained(2, size=(64, 48))
    glass = np.full((64, 96, 3), 240, dtype=np.uint8)
    paths = [
        save(tmp_path / f"{k}.png", pixels)
        for k, pixels in enumerate((tissue, half, glass, stained(3, size=(64, 64))))
    ]
    files = [(paths[0], paths[1]), (paths[1],), (paths[2],), (paths[3], paths[2])]
    cohort = points(files, 4 * [(None, None)], columns={})
    modality = Patches(around="tissue", window_px=16, size=(16, 16), bag_size=6, most=30, **STILL)
    assert modality.layout == "bag"
    measured = fitted(modality, cohort, np.array([0, 1]), tmp_path)
    assert measured.present.tolist() == [True, True, False, True]
    assert [(r.patient_id, "0 of 24 windows" in r.reason) for r in measured.rejections] == [
        ("P2", True), ("P3", True),
    ]  # fmt: skip
    n = np.diff(measured.patches.at.start).tolist()
    assert n == [n[1] + 24 - 1, n[1], 0, 16 - 1]  # a window of glass in the corner of each
    assert 9 <= n[1] <= 12
    arrays = modality.arrays(measured, np.arange(4))
    assert arrays.shape == (4, 30, 3, 16, 16)
    there = arrays.any(axis=(2, 3, 4)).sum(axis=1)
    assert there.tolist() == [30, n[1], 0, 15]  # the most, evenly spread; the others whole
    whole = modality.finish(torch.from_numpy(arrays), generator=None)
    is_absent = torch.isnan(whole).flatten(2)
    assert torch.equal(is_absent.all(dim=2), is_absent.any(dim=2))
    assert (~is_absent.any(dim=2)).sum(dim=1).tolist() == there.tolist()
    generator = torch.Generator().manual_seed(1)
    first, second = (
        modality.finish(torch.from_numpy(arrays), generator=generator) for _ in range(2)
    )
    assert first.shape == (4, 6, 3, 16, 16)
    assert not torch.equal(first[0], second[0])
    assert not torch.isnan(first[[0, 1, 3]]).any()  # patches that are there come first
    assert torch.isnan(first[2]).all()
    drawn = {patch.numpy().tobytes() for patch in first[1]}
    assert drawn <= {patch.numpy().tobytes() for patch in whole[1]}
    assert len(drawn) == 6


@pytest.mark.realdata
def test_a_real_patch_is_a_part_of_its_image(tmp_path: Path) -> None:
    folder = Path(os.environ.get("TUMORBOARD_DATA", "")) / "brecahad"
    if not (folder / "images").is_dir():
        pytest.skip("TUMORBOARD_DATA does not hold brecahad")
    path = folder / "images" / "Case_10-03.jpg"
    truth = json.loads((folder / "groundTruth" / "Case_10-03.json").read_text(encoding="utf-8"))
    pixels = np.asarray(Image.open(path).convert("RGB"))
    height, width = pixels.shape[:2]
    places = [(dot["x"] * width, dot["y"] * height) for dot in truth["tumor"]]
    cohort = points([(path,)] * len(places), [(f"{x!r}", f"{y!r}") for x, y in places])
    modality = Patches()
    measured = fitted(modality, cohort, np.arange(len(places)), tmp_path)
    found = modality.arrays(measured, np.arange(len(places)))
    for patch, place in zip(found, places, strict=True):
        np.testing.assert_array_equal(patch, window(pixels, *place, 64))
