"""Feature maps of a network's encoders, and how its output depends on them."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn

from tumorboard.models.assembly import Network


def log_odds(logits: torch.Tensor, target: int) -> torch.Tensor:
    """(B,) log odds of class `target` against all others together; the output where K is 1.

    For two classes this is the difference of their logits, which the probability follows alone; the
    logit of one class also moves with what both share.

    Args:
        logits: (B, K), or the log of K probabilities.
        target: Class index.
    """
    if logits.shape[1] == 1:
        return logits[:, 0]
    others = [k for k in range(logits.shape[1]) if k != target]
    return logits[:, target] - logits[:, others].logsumexp(dim=1)


def maps_and_gradients(
    network: Network,
    inputs: Mapping[str, torch.Tensor],
    present: torch.Tensor,
    *,
    name: str,
    target: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps (B, F, *space) of the encoder of `name`, and the gradient of each row's log odds there.

    The gradient goes through the whole network: the other modalities stay as they are.

    Args:
        network: In eval mode; its parameters get no gradient.
        inputs: As for the network.
        present: (B, M); `name` must be present in every row.
        name: Modality whose encoder has a `map_layer`.
        target: Class index.
    """
    layer = network.encoder(name).map_layer()
    if layer is None:
        raise ValueError(f"the encoder of {name} has no feature maps")
    kept: list[torch.Tensor] = []

    def keep(_module: nn.Module, _given: object, made: torch.Tensor) -> torch.Tensor:
        maps = made.detach().requires_grad_()
        kept.append(maps)
        # A copy goes on, so that a later part that works in place cannot change what is kept.
        return maps.clone()

    handle = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            scores = log_odds(network(inputs, present).logits.float(), target)
            (maps,) = kept
            (gradients,) = torch.autograd.grad(scores.sum(), maps)
    finally:
        handle.remove()
    return maps.detach(), gradients


def randomised(network: Network, *, seed: int, keep_encoders: bool) -> Network:
    """A copy whose weights are drawn anew: what a map looks like where nothing was learned.

    Args:
        network: The trained network; it is left as it is.
        seed: Of the new weights; the global generator is left as it was.
        keep_encoders: Draw only fusion and heads anew.

    Source:
        Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    """
    made = copy.deepcopy(network)
    parts: list[nn.Module] = [made.heads]
    if made.fusion is not None:
        parts.append(made.fusion)
    if not keep_encoders:
        parts.append(made.encoders)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in parts:
            for module in part.modules():
                reset = getattr(module, "reset_parameters", None)
                if callable(reset):
                    reset()
    return made.eval()
