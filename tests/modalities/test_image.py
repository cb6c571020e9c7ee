"""The image modality: rejection, channels, 2.5D stacks, reference statistics, augmentation."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.modalities.image import Image
from tumorboard.modalities.measured.image import MeasuredImages
from tumorboard.records import Cohort, FittedState

NO_AUGMENTATION: dict[str, Any] = {
    "rotation_degrees": 0.0, "flip_horizontal": False, "flip_vertical": False,
    "brightness": 0.0, "contrast": 0.0, "noise": 0.0, "blur_px": 0.0,
}  # fmt: skip


def make_cohort(files: list[tuple[Path, ...]], patients: list[str] | None = None) -> Cohort:
    ids = tuple(patients or [f"P{k}" for k in range(len(files))])
    return Cohort(
        name="test", patient_id=ids, unit_id=ids, columns={}, files={"scan": tuple(files)},
        line=tuple(range(2, len(files) + 2)), table=Path("patients.csv"), root=Path(),
    )  # fmt: skip


def save(path: Path, value: int | tuple[int, int, int], size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(exist_ok=True)
    Pillow.new("L" if isinstance(value, int) else "RGB", size, value).save(path)
    return path


def read(modality: Image, cohort: Cohort, tmp_path: Path) -> MeasuredImages:
    return modality.read(cohort, name="scan", cache=Cache(tmp_path / "cache"))


def test_one_bad_file_is_rejected_and_the_rest_stay(tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"MZ not an image")
    good = save(tmp_path / "good.png", 100)
    cohort = make_cohort([(good,), (bad,), (), (tmp_path / "gone.png",)])
    measured = read(Image(files="{x}"), cohort, tmp_path)
    assert measured.present.tolist() == [True, False, False, False]
    assert [r.patient_id for r in measured.rejections] == ["P1", "P3"]
    assert "found a Windows program" in measured.rejections[0].reason
    assert measured.rejections[0].path == bad
    assert {(r.path.name, r.state, r.modality) for r in measured.records} == {
        ("good.png", "used", "scan"),
        ("bad.png", "rejected", "scan"),
        ("gone.png", "rejected", "scan"),
    }


def test_grey_where_all_training_images_are_whatever_the_others_are(tmp_path: Path) -> None:
    grey = [save(tmp_path / f"{k}.png", 10 * k) for k in range(3)]
    same = save(tmp_path / "same.png", (70, 70, 70))
    red = save(tmp_path / "red.png", (200, 0, 0))
    cohort = make_cohort([(path,) for path in (*grey, same, red)])
    modality = Image(files="{x}", size=(4, 6))
    measured = read(modality, cohort, tmp_path)
    spec = modality.fit(measured, np.arange(4), weight=np.ones(4))
    assert (spec.sizes, spec.names) == ((1, 4, 6), ("grey",))
    batch = modality.arrays(measured, np.array([4, 3, 1]))
    assert batch[:, 0, 0, 0].tolist() == [60, 70, 10]
    spec = modality.fit(measured, np.arange(5), weight=np.ones(5))
    assert (spec.sizes, spec.names) == ((3, 4, 6), ("red", "green", "blue"))
    assert modality.arrays(measured, np.array([4, 1]))[:, :, 0, 0].tolist() == [
        [200, 0, 0],
        [10, 10, 10],
    ]


def test_wanted_channels_win(tmp_path: Path) -> None:
    cohort = make_cohort([(save(tmp_path / "a.png", 10),)])
    wishes: tuple[tuple[Literal["rgb", "grey"], int], ...] = (("rgb", 3), ("grey", 1))
    for wanted, channels in wishes:
        modality = Image(files="{x}", channels=wanted)
        spec = modality.fit(read(modality, cohort, tmp_path), np.array([0]), weight=np.ones(1))
        assert spec.sizes == (channels, 224, 224)


def test_reference_statistics_weigh_patients_equally(tmp_path: Path) -> None:
    files = [(save(tmp_path / f"{v}.png", v),) for v in (0, 51, 102)]
    cohort = make_cohort([*files, ()], ["A", "A", "B", "C"])
    modality = Image(files="{x}", size=(4, 4))
    measured = read(modality, cohort, tmp_path)
    modality.fit(measured, np.arange(4), weight=np.array([0.5, 0.5, 1.0, 1.0]))
    # A: mean of 0 and 0.2 is 0.1; B: 0.4; mean 0.25; mean square (0.02 + 0.16) / 2 = 0.09
    values = modality.state().values
    assert values["mean"] == pytest.approx([0.25])
    assert values["sd"] == pytest.approx([np.sqrt(0.09 - 0.25**2)])
    assert values["n_rows"] == 3


def test_no_training_image_is_an_error(tmp_path: Path) -> None:
    modality = Image(files="{x}")
    measured = read(modality, make_cohort([(), ()]), tmp_path)
    with pytest.raises(InputError, match="scan: none of the 2 training rows has a readable image"):
        modality.fit(measured, np.arange(2), weight=np.ones(2))


def test_a_damaged_state_is_refused() -> None:
    with pytest.raises(InputError, match="channels is 2, expected 1 or 3"):
        Image(files="{x}").restore(FittedState(values={"channels": 2}))


def test_neighbouring_slices_are_channels_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "P0"
    for k in range(1, 12):
        save(folder / f"{k}.png", 10 * k)
    modality = Image(files="{x}", size=(4, 6), slices=3, slice_step=2)
    cohort = make_cohort([(folder / "9.png",), (folder / "1.png",), (folder,)], ["P0"] * 3)
    measured = read(modality, cohort, tmp_path)
    spec = modality.fit(measured, np.arange(3), weight=np.ones(3))
    assert spec.names == ("grey slice -2", "grey slice +0", "grey slice +2")
    assert modality.arrays(measured, np.arange(3))[:, :, 0, 0].tolist() == [
        [70, 90, 110],
        [10, 10, 30],
        [40, 60, 80],
    ]
    states = {r.path.name: (r.state, r.reason) for r in measured.records}
    assert states["7.png"] == ("used", "")
    assert states["2.png"] == ("ignored", "not among the slices that are read")
    assert len(states) == 11


def test_colour_slices_keep_slices_together(tmp_path: Path) -> None:
    folder = tmp_path / "P0"
    for k in range(3):
        save(folder / f"{k}.png", (k, 100 + k, 200 + k))
    modality = Image(files="{x}", size=(4, 6), slices=3)
    measured = read(modality, make_cohort([(folder,)]), tmp_path)
    spec = modality.fit(measured, np.array([0]), weight=np.ones(1))
    assert spec.names[2:4] == ("blue slice -1", "red slice +0")
    expected = [0, 100, 200, 1, 101, 201, 2, 102, 202]
    assert modality.arrays(measured, np.array([0]))[0, :, 0, 0].tolist() == expected


def test_neighbours_of_another_patient_are_refused(tmp_path: Path) -> None:
    files = [(save(tmp_path / "images" / f"{k}.png", k),) for k in range(3)]
    with pytest.raises(
        InputError, match=r"1\.png as a neighbouring slice of patient P0.*belongs to patient P1"
    ):
        read(Image(files="{x}", slices=3), make_cohort(files), tmp_path)
    read(Image(files="{x}", slices=3), make_cohort(files, ["P0"] * 3), tmp_path)


def test_a_bad_neighbour_rejects_the_row(tmp_path: Path) -> None:
    folder = tmp_path / "P0"
    for k in range(4):
        save(folder / f"{k}.png", k)
    (folder / "2.png").write_bytes(b"")
    cohort = make_cohort([(folder / "0.png",), (folder / "1.png",)], ["P0", "P0"])
    measured = read(Image(files="{x}", slices=3), cohort, tmp_path)
    assert measured.present.tolist() == [True, False]
    assert measured.rejections[0].path == folder / "2.png"
    assert "an empty file" in measured.rejections[0].reason


def test_settings_that_cannot_be() -> None:
    with pytest.raises(StudyError) as caught:
        Image(files="{x}", size=(0, 5), slices=2, slice_step=0)
    assert len(caught.value.problems) == 3
    assert "slices: found 2, expected an odd number" in str(caught.value)
    with pytest.raises(StudyError, match=r"noise: found -1, expected 0 \(off\) or more"):
        Image(files="{x}", noise=-1.0)


def test_finish_scales_bytes_and_leaves_floats() -> None:
    modality = Image(files="{x}")
    batch = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    torch.testing.assert_close(
        modality.finish(batch, generator=None), torch.tensor([[[[0, 0.2, 1]]]])
    )
    floats = torch.rand(2, 1, 3, 3)
    assert torch.equal(modality.finish(floats, generator=None), floats)


def test_augmentation_follows_its_generator_and_stays_in_range() -> None:
    batch = torch.randint(0, 256, (8, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    batch = batch.to(torch.uint8)
    modality = Image(files="{x}")

    def draw(seed: int) -> torch.Tensor:
        return modality.finish(batch, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    assert draw(1).min() >= 0
    assert draw(1).max() <= 1
    off = Image(files="{x}", **NO_AUGMENTATION)
    plain = off.finish(batch, generator=torch.Generator().manual_seed(1))
    assert torch.equal(plain, off.finish(batch, generator=None))


def data(name: str) -> Path:
    folder = Path(os.environ.get("TUMORBOARD_DATA", "none")) / name
    if not folder.is_dir():
        pytest.skip(f"TUMORBOARD_DATA does not hold {name}")
    return folder


@pytest.mark.realdata
def test_breast_ultrasound_is_176_grey_images(tmp_path: Path) -> None:
    folder = data("breast-ultrasound")
    with (folder / "patients.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    files = [(folder / "images" / row["Image_filename"],) for row in rows]
    modality = Image(files="images/{Image_filename}", size=(64, 64))
    measured = read(modality, make_cohort(files), tmp_path)
    assert measured.present.sum() == 176
    assert measured.rejections == ()
    spec = modality.fit(measured, np.arange(176), weight=np.ones(176))
    assert spec.sizes == (1, 64, 64)
    assert 0.15 < modality.state().values["mean"][0] < 0.45


@pytest.mark.realdata
def test_skin_lesions_are_colour(tmp_path: Path) -> None:
    paths = sorted((data("skin-lesions") / "images").glob("*.jpg"))[:60]
    modality = Image(files="images/{file}", size=(48, 64))
    measured = read(modality, make_cohort([(path,) for path in paths]), tmp_path)
    assert measured.present.all()
    spec = modality.fit(measured, np.arange(60), weight=np.ones(60))
    assert spec.sizes == (3, 48, 64)
    red, green, blue = modality.state().values["mean"]
    assert red > green  # skin is redder than it is green or blue
    assert red > blue


@pytest.mark.realdata
def test_brain_mri_slices_as_a_stack(tmp_path: Path) -> None:
    folder = data("brain-mri") / "flair" / "TCGA_DU_8163"
    modality = Image(files="flair/{Patient}", size=(256, 256), slices=3, slice_step=2)
    measured = read(modality, make_cohort([(folder,)]), tmp_path)
    modality.fit(measured, np.array([0]), weight=np.ones(1))
    batch = modality.arrays(measured, np.array([0]))
    n_slices = len(list(folder.iterdir()))
    middle = n_slices // 2 + 1  # slices are called 001.png and on
    for channel, number in enumerate((middle - 2, middle, middle + 2)):
        with Pillow.open(folder / f"{number:03d}.png") as image:
            np.testing.assert_array_equal(batch[0, channel], np.asarray(image))


def _smooth(folder: Path, n: int, *, sd_noise: float = 3.0) -> list[tuple[Path, ...]]:
    rng = np.random.default_rng(8)
    y, x = np.mgrid[:40, :40]
    paths: list[tuple[Path, ...]] = []
    for i in range(n):
        wave = 110 + 60 * np.sin(x / rng.uniform(3, 5) + i) * np.cos(y / rng.uniform(3, 5))
        noise = sd_noise if i < n - 1 else 60.0
        pixels = np.clip(wave + rng.normal(0, noise, (40, 40)), 0, 255).astype(np.uint8)
        Pillow.fromarray(pixels).save(folder / f"{i}.png")
        paths.append((folder / f"{i}.png",))
    return paths


def test_an_image_poorer_than_training_is_named(tmp_path: Path) -> None:
    cohort = make_cohort(_smooth(tmp_path, 31))
    with Cache(tmp_path / "cache") as cache:
        modality = Image(files="x", size=(40, 40))
        measured = modality.read(cohort, name="scan", cache=cache)
        rows = np.arange(31)
        modality.fit(measured, rows[:30], weight=np.ones(30))
        poor = modality.poor(measured, rows)
        assert poor.tolist() == [False] * 30 + [True]
        (note,) = modality.notes(measured, rows)
        assert note.startswith(
            f"the image of patient {cohort.patient_id[30]} is too poor to rely on: "
        )
        assert "noise 0.2" in note
        again = Image(files="x", size=(40, 40))
        again.restore(modality.state())
        assert again.notes(measured, rows) == (note,)
        older = {k: v for k, v in modality.state().values.items() if k != "quality"}
        again.restore(FittedState(values=older))
        assert again.notes(measured, rows) == ()
        assert not again.poor(measured, rows).any()


def test_a_change_is_made_on_the_way_and_kept_as_bytes(tmp_path: Path) -> None:
    cohort = make_cohort(_smooth(tmp_path, 4))
    with Cache(tmp_path / "cache") as cache:
        modality = Image(files="x", size=(40, 40))
        measured = modality.read(cohort, name="scan", cache=cache)
        rows = np.arange(4)
        modality.fit(measured, rows, weight=np.ones(4))
        seen: list[int] = []

        def darker(images: torch.Tensor, of_rows: np.ndarray) -> torch.Tensor:
            seen.extend(of_rows.tolist())
            return images * 0.5

        worse = replace(measured, change=darker)
        before = modality.arrays(measured, rows[1:3])
        after = modality.arrays(worse, rows[1:3])
        assert seen == [1, 2]
        assert after.dtype == before.dtype == np.uint8
        np.testing.assert_allclose(after, before / 2, atol=0.5)
        np.testing.assert_array_equal(modality.arrays(measured, rows[1:3]), before)


def _cropped(tmp_path: Path, *, n: int = 2) -> tuple[Cohort, dict[str, Any]]:
    """Grey steps of 10 from left to right, each 10 pixels wide; masks of P0 cover the third."""
    steps = np.repeat(np.arange(8, dtype=np.uint8) * 10, 10)[np.newaxis].repeat(20, axis=0)
    (tmp_path / "masks").mkdir()
    files = []
    for k in range(n):
        Pillow.fromarray(steps).save(tmp_path / f"{k}.png")
        files.append((tmp_path / f"{k}.png",))
    mask = np.zeros(steps.shape, dtype=np.uint8)
    mask[5:15, 20:30] = 1
    Pillow.fromarray(mask).save(tmp_path / "masks" / "P0.png")
    cohort = replace(make_cohort(files), root=tmp_path)
    return cohort, {"mask": "masks/{patient_id}.png", "margin": 0.0}


def test_a_picture_is_cut_around_its_mask_before_it_is_resized(tmp_path: Path) -> None:
    cohort, crop = _cropped(tmp_path)
    modality = Image(files="{x}", size=(4, 4), crop=crop)
    measured = read(modality, cohort, tmp_path)
    modality.fit(measured, np.arange(2), weight=np.ones(2))
    shown = modality.arrays(measured, np.arange(2))[:, 0]
    assert (shown[0] == 20).all()  # the third step alone
    assert shown[1].min() < 10  # no mask: the whole, said below
    assert shown[1].max() > 60
    assert measured.notes == (
        "1 of 2 pictures kept whole, with nothing to crop around: 1 without a mask, 0 with an "
        "empty one (patients P1)",
    )
    wider = Image(files="{x}", size=(4, 4), crop={**crop, "margin": 1.0})
    again = read(wider, cohort, tmp_path)  # the same cache: another margin is another picture
    wider.fit(again, np.arange(2), weight=np.ones(2))
    assert sorted(set(wider.arrays(again, np.arange(1)).ravel())) != [20]


def test_a_picture_without_a_mask_is_the_one_that_is_kept_without_cropping(tmp_path: Path) -> None:
    cohort, crop = _cropped(tmp_path)
    plain = read(Image(files="{x}", size=(4, 4)), cohort, tmp_path)
    cropped = read(Image(files="{x}", size=(4, 4), crop=crop), cohort, tmp_path)
    own, (whole,) = set(cropped.prepared.sources), set(plain.prepared.sources)
    assert len(own) == 2
    assert whole in own  # keys of what was prepared before there was cropping stay


def test_lesions_are_cut_as_their_picture(tmp_path: Path) -> None:
    cohort, crop = _cropped(tmp_path)
    pattern = "masks/{patient_id}.png"
    modality = Image(files="{x}", size=(4, 4), crop=crop, masks=pattern)
    lesions = modality.lesion_masks(cohort, np.arange(2), name="scan")
    assert lesions is not None
    assert lesions.masks[0].all()  # nothing but lesion is left of the picture
    assert lesions.known.tolist() == [True, False]


def test_a_mask_of_another_size_rejects_its_picture(tmp_path: Path) -> None:
    cohort, crop = _cropped(tmp_path)
    Pillow.new("L", (30, 30), 1).save(tmp_path / "masks" / "P1.png")
    measured = read(Image(files="{x}", size=(4, 4), crop=crop), cohort, tmp_path)
    assert measured.present.tolist() == [True, False]
    assert "20 x 80 pixels, but the mask to crop around has 30 x 30" in (
        measured.rejections[0].reason
    )


def test_cropping_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    cohort, crop = _cropped(tmp_path)
    with pytest.raises(StudyError, match="a mask is of one picture, and `slices` reads several"):
        Image(files="{x}", slices=3, crop=crop)
    modality = Image(files="{x}", size=(4, 4), crop=crop)
    measured = read(modality, cohort, tmp_path)
    with pytest.raises(StudyError, match="must not be known to what shall find it"):
        modality.cases(cohort, measured, name="scan")
    with pytest.raises(InputError, match="none of the 1 training pictures has a mask"):
        modality.fit(measured, np.array([1]), weight=np.ones(1))
