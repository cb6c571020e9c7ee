"""Sliding windows: MONAI's result, exactness where a network is pointwise, places, empty ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tumorboard.models.sliding_window import Empty, Importance, slide


def make_network(n_dims: int) -> nn.Module:
    torch.manual_seed(0)
    conv = nn.Conv2d if n_dims == 2 else nn.Conv3d
    return nn.Sequential(conv(2, 4, 3, padding=1), nn.ReLU(), conv(4, 3, 3, padding=1))


@pytest.mark.parametrize("weights", ["gaussian", "constant"])
@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.6])
@pytest.mark.parametrize(
    ("space", "window"),
    [((33, 47), (16, 16)), ((9, 40), (16, 16)), ((16, 16), (16, 16)), ((13, 17, 6), (8, 8, 8))],
)
def test_same_as_monai(
    space: tuple[int, ...], window: tuple[int, ...], overlap: float, weights: Importance
) -> None:
    from monai.inferers.utils import sliding_window_inference

    network = make_network(len(space))
    image = torch.randn(2, *space)
    with torch.inference_mode():
        expected = sliding_window_inference(
            image[None], window, 3, network, overlap=overlap, mode=weights
        )
        found = slide(
            image,
            window,
            lambda windows, places: network(windows),
            n_outputs=3,
            overlap=overlap,
            batch_size=4,
            weights=weights,
        )
    assert isinstance(expected, torch.Tensor)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_what_looks_at_one_voxel_is_exact(batch_size: int) -> None:
    torch.manual_seed(0)
    image = torch.randn(1, 23, 7, 11)
    found = slide(
        image,
        (8, 8, 4),
        lambda windows, places: torch.cat([windows, windows**2], dim=1),
        n_outputs=2,
        batch_size=batch_size,
    )
    torch.testing.assert_close(found, torch.cat([image, image**2]))


def test_places_are_those_of_the_whole_image() -> None:
    """A network that answers with the place of each voxel gives the grid of the image."""

    def predict(windows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        n, _, *space = windows.shape
        assert places.shape == (n, 3, 2)
        lines: list[torch.Tensor] = []
        for axis, length in enumerate(space):
            start, end = places[:, axis, 0, None], places[:, axis, 1, None]
            line = start + (end - start) * (torch.arange(length) + 0.5) / length
            shape = [n, *(length if a == axis else 1 for a in range(3))]
            lines.append(line.view(shape).expand(n, *space))
        return torch.stack(lines, dim=1)

    space = (20, 5, 3)
    found = slide(torch.zeros(1, *space), (8, 8, 1), predict, n_outputs=3, batch_size=3)
    centres = [2 * (torch.arange(n) + 0.5) / n - 1 for n in space]
    expected = torch.stack(torch.meshgrid(*centres, indexing="ij"))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_edges_of_an_image_smaller_than_the_window_lie_within_it() -> None:
    seen: list[torch.Tensor] = []

    def predict(windows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        seen.append(places)
        return windows

    slide(torch.zeros(1, 4, 8), (8, 8), predict, n_outputs=1)
    torch.testing.assert_close(seen[0], torch.tensor([[[-2.0, 2.0], [-1.0, 1.0]]]))


def test_slices_of_a_volume_by_a_network_for_images() -> None:
    network = make_network(2)
    volume = torch.randn(2, 16, 16, 5)
    with torch.inference_mode():
        found = slide(
            volume,
            (16, 16, 1),
            lambda windows, places: network(windows.squeeze(4)).unsqueeze(4),
            n_outputs=3,
            batch_size=2,
        )
        expected = network(volume.movedim(3, 0)).movedim(0, 3)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_empty_windows_are_not_asked_about() -> None:
    image = torch.zeros(1, 8, 32)
    image[0, 3, 30] = 1.0
    asked: list[int] = []

    def predict(windows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        asked.append(len(windows))
        return windows + 5

    everywhere = slide(image, (8, 8), predict, n_outputs=1, overlap=0.0)
    assert sum(asked) == 4
    asked.clear()
    empty = Empty(0.0, torch.tensor([5.0]))
    found = slide(image, (8, 8), predict, n_outputs=1, overlap=0.0, empty=empty)
    assert sum(asked) == 1
    torch.testing.assert_close(found, everywhere)


def test_half_precision_windows_are_added_up_in_float32() -> None:
    image = torch.rand(1, 12, 12)
    found = slide(image, (8, 8), lambda windows, _: windows.bfloat16(), n_outputs=1)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, image.bfloat16().float())
