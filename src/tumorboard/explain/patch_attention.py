"""Which windows of a slide the attention of its encoder weighed most."""

from __future__ import annotations

import numpy as np
import torch

from tumorboard.explain import Asked, Attributions, Explainer, Explanation, HeatMaps
from tumorboard.modalities.measured.patches import MeasuredPatches
from tumorboard.models.assembly import Network
from tumorboard.models.encoders.attention_mil import AttentionMil
from tumorboard.models.feature_maps import randomised
from tumorboard.prediction.activation_maps import UNCHANGED, device_of, with_modality
from tumorboard.prediction.kept_maps import N_LEAST, N_MOST
from tumorboard.prediction.window_maps import (
    LEAST_PX,
    SIDE_PX,
    Weighed,
    most_and_least,
    slide_maps,
    weigh_by_slide,
)
from tumorboard.records import Floats, Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.found_patches import FoundPatches
from tumorboard.transforms.heat_maps import rank_correlation

#: Slides of one row that get a map, and rows that are compared with those of random weights.
_N_SLIDES, _N_CHECKED = 3, 4


class PatchAttention(Explainer):
    """Attention to the windows of a slide: each one's weight in the pooling, where it lies.

    Of the encoder `attention_mil` over the modality `patches`; of an ensemble the first network's.
    The weights of all windows of a row sum to 1. Attention is what the pooling took from a window,
    the same for every class, and no proof that the window caused the answer.

    Source:
        Ilse, Tomczak and Welling, ICML 2018: equations 8 and 9. Jain and Wallace, NAACL 2019: other
        attention may give the same answer.
    """

    question = "Which windows of the slide did the model look at?"
    caption = (
        "the slide in small, and over it the attention to each window: bright is the largest "
        "weight on this slide, dark is 0 or no window; two slides do not share a scale. Below, "
        "windows as they were scanned, with weight (all windows of the patient sum to 1) and "
        "centre in pixels of the slide. Attention is a weight in the pooling: it says where the "
        "model looked, not what caused its answer (Jain and Wallace, NAACL 2019)."
    )

    def refuses(self, fitted: FittedArm) -> str:
        """Baselines, and arms without a bag that is pooled by attention."""
        if fitted.network is None:
            return f"{fitted.arm.name} is a baseline without a network."
        if not _bags(fitted):
            return f"{fitted.arm.name} pools no windows of slides by attention (attention_mil)."
        return ""

    def explain(self, asked: Asked) -> Explanation:
        """A map for every slide of a row, up to three, and the windows that stand out."""
        network = asked.fitted.network
        if network is None:
            raise ValueError(f"{asked.fitted.arm.name} has no network; ask `refuses` first")
        names = _bags(asked.fitted)
        seed = int(asked.rng.integers(2**31))
        parts: list[Attributions] = []
        maps: list[HeatMaps] = []
        checks: dict[str, float] = {}
        remarks: list[str] = []
        for name in names:
            rows = with_modality(asked.measured, asked.rows, name)
            if len(rows) < len(asked.rows):
                n = len(asked.rows) - len(rows)
                remarks.append(f"{name}: no map for {n} of {len(asked.rows)} rows, without slide.")
            if not len(rows):
                continue
            found = _found(asked, name)
            weights = _attention(asked, network, name, rows)
            few = rows[:_N_CHECKED]
            other = randomised(network, seed=seed, keep_encoders=False)
            drawn = _attention(asked, other, name, few)
            measured = _checks(weights, drawn)
            checks |= {f"{k} {name}" if len(names) > 1 else k: v for k, v in measured.items()}
            numbers = [_looked_at(asked, name, row) for row in rows.tolist()]
            by_slide = [
                weigh_by_slide(found, row, own, weight)
                for row, own, weight in zip(rows.tolist(), numbers, weights, strict=True)
            ]
            maps.append(_heat_maps(name, found, by_slide))
            parts.append(_standing_out(asked, name, rows, numbers, weights))
            remarks += _remarks(name, found, rows, numbers, by_slide, measured)
        if asked.fitted.members:
            remarks.append("Of the ensemble the attention of the first network is shown.")
        return Explanation(
            attributions=_beside(parts), heat_maps=tuple(maps), checks=checks,
            remarks=tuple(remarks),
        )  # fmt: skip


def _bags(fitted: FittedArm) -> tuple[str, ...]:
    """Modalities that are bags of patches and pooled by attention."""
    network = fitted.network
    bags = [name for name, spec in fitted.specs.items() if spec.layout == "bag"]
    if network is None or network.level == "input":
        return ()
    return tuple(name for name in bags if isinstance(network.encoder(name), AttentionMil))


def _found(asked: Asked, name: str) -> FoundPatches:
    measured = asked.measured[name]
    if not isinstance(measured, MeasuredPatches):
        raise TypeError(f"{name}: windows of {type(measured).__name__} have no place on a slide")
    return measured.patches


def _looked_at(asked: Asked, name: str, row: int) -> Ints:
    """Numbers of the patches that the model sees of a row, in the order of its bag."""
    most = asked.fitted.specs[name].sizes[0]
    return _found(asked, name).at.of(np.asarray([row]), most=most)[0]


def _attention(asked: Asked, network: Network, name: str, rows: Ints) -> list[Floats]:
    """For each row the weight of every patch that the model sees; a bag at a time."""
    encoder, modality = network.encoder(name), asked.fitted.modalities[name]
    if not isinstance(encoder, AttentionMil):
        raise TypeError(f"{name} is not pooled by attention; ask `refuses` first")
    network.eval()
    weights: list[Floats] = []
    for row in rows.tolist():
        stored = modality.arrays(asked.measured[name], np.asarray([row]))
        bag = torch.from_numpy(np.ascontiguousarray(stored)).to(device_of(network))
        with torch.inference_mode():
            shares = encoder.with_attention(modality.finish(bag, generator=None))[1]
        own = shares[0, : len(_looked_at(asked, name, row))]
        weights.append(own.double().cpu().numpy())
    return weights


def _checks(weights: list[Floats], drawn: list[Floats]) -> dict[str, float]:
    """How far attention is from an even share, and whether it follows from what was learned."""
    times = [float(weight.max() * len(weight)) for weight in weights]
    same = [
        float(rank_correlation(one[None], other[None])[0])
        for one, other in zip(weights, drawn, strict=False)
    ]
    known = [value for value in same if not np.isnan(value)]
    return {
        "times_even_share": float(np.mean(times)),
        "rank_correlation_random_windows": float(np.mean(known)) if known else float("nan"),
    }


def _heat_maps(name: str, found: FoundPatches, by_slide: list[list[Weighed]]) -> HeatMaps:
    every = [one for slides in by_slide for one in slides[:_N_SLIDES]]
    maps, inputs, windows = slide_maps(found, every)
    return HeatMaps(name, np.asarray([one.row for one in every]), maps, inputs, windows)


def _standing_out(
    asked: Asked, name: str, rows: Ints, numbers: list[Ints], weights: list[Floats]
) -> Attributions:
    """The windows of most and of least weight of every row asked about, whatever their slide."""
    found = _found(asked, name)
    features = (
        *(f"most weight, {k + 1}" for k in range(N_MOST)),
        *(f"least weight, {k + 1}" for k in range(N_LEAST)),
    )
    values = np.full((len(asked.rows), len(features)), np.nan)
    shown = [[""] * len(features) for _ in asked.rows]
    place = {row: i for i, row in enumerate(asked.rows.tolist())}
    for row, own, weight in zip(rows.tolist(), numbers, weights, strict=True):
        for k, window in enumerate(most_and_least(weight).tolist()):
            if window >= 0:
                values[place[row], k] = weight[window]
                times = float(weight[window] * len(weight))
                shown[place[row]][k] = f"{_where(found, int(own[window]))}, {times:.2g} times even"
    none, all_of_it = np.zeros(len(shown)), np.ones(len(shown))
    return Attributions(
        (name,) * len(features), features, tuple(map(tuple, shown)), values, none, all_of_it,
        "attention", is_complete=False,
    )  # fmt: skip


def _where(found: FoundPatches, patch: int) -> str:
    """A window's slide and centre."""
    at = found.at
    path = found.slides.infos[at.slide[patch]].path
    return f"{path.name}: x {at.x_px[patch]:g} px, y {at.y_px[patch]:g} px"


def _beside(parts: list[Attributions]) -> Attributions | None:
    """Those of several modalities, which are of the same rows, as one."""
    if not parts:
        return None
    cells = zip(*(part.shown for part in parts), strict=True)
    return Attributions(
        tuple(name for part in parts for name in part.modalities),
        tuple(name for part in parts for name in part.features),
        tuple(tuple(cell for part in row for cell in part) for row in cells),
        np.concatenate([part.values for part in parts], axis=1),
        parts[0].base, parts[0].output, parts[0].scale, is_complete=False,
    )  # fmt: skip


def _remarks(
    name: str, found: FoundPatches, rows: Ints, numbers: list[Ints],
    by_slide: list[list[Weighed]], checks: dict[str, float],
) -> list[str]:  # fmt: skip
    """What of these rows is not shown, or not to be believed."""
    said: list[str] = []
    there = np.diff(found.at.start)[rows]
    n_cut = int((there > [len(own) for own in numbers]).sum())
    if n_cut:
        said.append(
            f"{name}: of {n_cut} of {len(rows)} rows the model looks at {max(map(len, numbers))} "
            "windows, evenly spread over the tissue (`most`); the others have no weight."
        )
    n_more = sum(len(slides) > _N_SLIDES for slides in by_slide)
    if n_more:
        said.append(
            f"{name}: of {n_more} of {len(rows)} rows with more slides the {_N_SLIDES} with most "
            "attention have a map."
        )
    slides = {one.slide for own in by_slide for one in own}
    longest = [
        max(info.height_px, info.width_px) / found.window_px[number]
        for number, info in enumerate(found.slides.infos)
        if number in slides
    ]
    if max(longest) > SIDE_PX / LEAST_PX:
        said.append(
            f"{name}: windows of large slides are drawn {LEAST_PX} pixels wide, to be seen."
        )
    if checks["times_even_share"] < 1.5:
        said.append(
            f"{name}: a model's attention is nearly the same for all windows (largest "
            f"{checks['times_even_share']:.2f} times an even share): it tells little."
        )
    if checks["rank_correlation_random_windows"] > UNCHANGED:
        said.append(
            f"{name}: attention hardly changes when the network is drawn at random (rank "
            f"correlation {checks['rank_correlation_random_windows']:.2f}). Do not read it."
        )
    return said
