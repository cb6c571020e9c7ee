"""What every segmenter promises, on small inputs."""

from __future__ import annotations

import inspect
from functools import cache

import pytest
import torch

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.segmenters import Segmenter
from tumorboard.records import ArraySpec

NAMES = registry.names("models.segmenters")
N_CHANNELS, N_OUTPUTS = 2, 3
#: Few channels promise the same as many.
SMALL = {
    "dynamic_unet": {"width": 4, "depth": 4},
    "transformer_unet": {"widths": (4, 6, 12), "n_layers": 1, "heads": 2},
}


@cache
def make_segmenter(name: str, n_dims: int, norm: str = "instance") -> Segmenter:
    torch.manual_seed(3)
    kind = registry.load("models.segmenters", name)
    settings = SMALL.get(name, {"widths": (4, 6, 8)}) | {"norm": norm}
    resolved = registry.resolve(kind, settings, where="encoder")
    # the sides are not looked at: a segmenter reads any multiple of its divisor
    spec = ArraySpec("image" if n_dims == 2 else "volume", (N_CHANNELS, *[1] * n_dims))
    return kind(spec, N_OUTPUTS, n_dims, **resolved)


def make_batch(segmenter: Segmenter, n: int) -> torch.Tensor:
    """Another odd multiple of the divisor along each axis."""
    sides = [3 * segmenter.divisor, *[segmenter.divisor] * (segmenter.n_dims - 1)]
    generator = torch.Generator().manual_seed(5)
    return torch.rand(n, N_CHANNELS, *sides, generator=generator)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[2, 3])
def segmenter(name: str, request: pytest.FixtureRequest) -> Segmenter:
    return make_segmenter(name, request.param)


def test_settings_are_keyword_only_typed_and_have_defaults(name: str) -> None:
    kind = registry.load("models.segmenters", name)
    own = list(inspect.signature(kind.__init__).parameters.values())[4:]
    assert own, "a segmenter has settings"
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in own)
    assert all(p.annotation is not inspect.Parameter.empty for p in own)
    assert all(p.default is not inspect.Parameter.empty and p.default is not None for p in own)
    with pytest.raises(StudyError, match=r"encoder\.dropuot: unknown key\. Did you mean 'dropout'"):
        registry.resolve(kind, {"dropuot": 0.1}, where="encoder")
    with pytest.raises(StudyError, match=r"encoder\.dropout: found 1\.0, expected"):
        registry.resolve(kind, {"dropout": 1.0}, where="encoder")


def test_maps_and_logits_have_the_promised_shapes(segmenter: Segmenter) -> None:
    batch = make_batch(segmenter, 2)
    maps = segmenter.eval().encode(batch)
    assert tuple(each.shape[1] for each in maps) == segmenter.map_sizes
    (logits,) = segmenter.decode(maps)
    assert logits.shape == (2, N_OUTPUTS, *batch.shape[2:])
    first, *coarser = segmenter.train()(batch)
    assert first.shape == logits.shape
    for level, each in enumerate(coarser, start=1):
        sides = [side // 2**level for side in batch.shape[2:]]
        assert each.shape == (2, N_OUTPUTS, *sides)


def test_every_parameter_and_the_image_get_a_gradient(segmenter: Segmenter) -> None:
    """In bfloat16 too, where small volumes have had gradients out of unwritten memory."""
    batch = make_batch(segmenter, 2).requires_grad_()
    segmenter.train()
    for is_half in (False, True):
        segmenter.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            outputs = segmenter(batch)
        generator = torch.Generator().manual_seed(1)
        weighed = [
            (each.float() * torch.randn(each.shape, generator=generator)).sum() for each in outputs
        ]
        torch.stack(weighed).sum().backward()
        silent = [
            key
            for key, parameter in segmenter.named_parameters()
            if parameter.grad is None
            or not bool(parameter.grad.isfinite().all())
            or not 0 < float(parameter.grad.abs().sum()) < 1e6
        ]
        assert silent == []
    assert batch.grad is not None
    assert bool(batch.grad.abs().sum() > 0)


@pytest.mark.parametrize("norm", ["instance", "batch", "group"])
def test_one_patch_alone_as_in_a_batch(name: str, norm: str) -> None:
    segmenter = make_segmenter(name, 2, norm).eval()
    batch = make_batch(segmenter, 3)
    with torch.inference_mode():
        (together,) = segmenter(batch)
        alone = torch.cat([segmenter(row.unsqueeze(0))[0] for row in batch])
        (ordered,) = segmenter(batch.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ordered, together, atol=1e-4, rtol=1e-4)
