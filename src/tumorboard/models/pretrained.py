"""Pretrained weights: found, read without running code, and loaded strictly or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import nn

from tumorboard.errors import InputError

#: Suffixes that are read; anything else is refused before it is opened.
SUFFIXES = (".safetensors", ".pth", ".pt")


def download(repository: str, file: str = "model.safetensors") -> Path:
    """A file of the Hugging Face hub, from its cache where it is there already.

    Raises:
        InputError: It is neither in the cache nor to be had over the network.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(hf_hub_download(repository, file))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise InputError(
            f"weights {repository}/{file}: neither in the Hugging Face cache nor to be had over "
            f"the network ({type(error).__name__}). {_route(repository, file)}"
        ) from error


def locate(weights: str, *, repository: str) -> Path:
    """The file that a `weights` setting means: "imagenet" from the hub, anything else a local file.

    Raises:
        InputError: It is absent, a folder, or of a kind that is not read.
    """
    if weights == "imagenet":
        return download(repository)
    path = Path(weights).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f'weights {weights!r}: expected "none", "imagenet" or a file that ends in '
            f"{', '.join(SUFFIXES)}; nothing else is opened."
        )
    if not path.is_file():
        raise InputError(
            f"weights {path.absolute()}: no such file. Mend the path, or write weights = "
            f'"imagenet". {_route(repository, "model.safetensors")}'
        )
    return path


def _route(repository: str, file: str) -> str:
    return (
        f"With a network: `hf download {repository} {file}`. Without one: copy that cache here, "
        "point HF_HOME at it and set HF_HUB_OFFLINE=1, or name the file itself in weights."
    )


def read_local(
    weights: str, *, inside: Sequence[str], suffixes: Sequence[str] = SUFFIXES
) -> tuple[Path, dict[str, torch.Tensor]]:
    """A local file and its tensors by name, also where they lie one level further in.

    Args:
        weights: The file, as the study names it.
        inside: Names that the table of tensors may stand under; anything beside it is left.
        suffixes: Endings that are opened.

    Raises:
        InputError: The file is absent, damaged, holds code, or holds no table of tensors.
    """
    path = Path(weights).expanduser()
    if path.suffix.lower() not in suffixes:
        raise InputError(
            f'weights {weights!r}: expected "none" or a file that ends in '
            f"{', '.join(suffixes)}; nothing else is opened."
        )
    if not path.is_file():
        raise InputError(f"weights {path.absolute()}: no such file. Mend the path.")
    if path.suffix.lower() == ".safetensors":
        return path, read_tensors(path)
    content = _read_pickle(path)
    if isinstance(content, Mapping):
        table = cast("Mapping[str, object]", content)
        content = next((table[name] for name in inside if name in table), table)
    return path, _flat(content, path)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a `.safetensors`, `.pth` or `.pt` file by name; no code in it is ever run.

    Raises:
        InputError: The file is damaged, holds code, or holds anything but a flat table of tensors.
    """
    if path.suffix.lower() == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"weights {path}: damaged or not safetensors ({error}). Download the file again."
            ) from error
    return _flat(_read_pickle(path), path)


def _read_pickle(path: Path) -> object:
    import pickle

    try:
        with warnings.catch_warnings():
            # Said of any pickle that torch did not write: it is still read, or refused below.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"weights {path}: refused, since it holds code or objects beside tensors, or is "
            "damaged; nothing in it was run. Ask its author for .safetensors, or for a file that "
            "torch.load(weights_only=True) opens."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"weights {path}: damaged or not a PyTorch file ({type(error).__name__}). Download it "
            "again."
        ) from error


def _flat(content: object, path: Path) -> dict[str, torch.Tensor]:
    if not isinstance(content, Mapping):
        raise InputError(
            f"weights {path}: found a {type(content).__name__}, expected a flat table of tensors "
            "(the state_dict of a network)."
        )
    tensors = {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}
    other = [str(key) for key in content if str(key) not in tensors]
    if other:
        raise InputError(
            f"weights {path}: found {_listed(other)} beside tensors, expected a flat table of "
            "tensors. Save the inner state_dict alone."
        )
    return tensors


def load_strictly(
    network: nn.Module,
    tensors: Mapping[str, torch.Tensor],
    *,
    path: Path,
    leave_out: Sequence[str] = (),
    remedy: str = "Choose the depth that the file was made for, with the parameter names of "
    "torchvision and timm.",
) -> None:
    """Load tensors whose names and shapes are exactly the network's, or load nothing.

    Args:
        network: What takes up the weights.
        tensors: Weights by name.
        path: Where they came from, for the error.
        leave_out: Beginnings of the names that are not wanted, such as the classifier's.
        remedy: What to do where they are others.

    Raises:
        InputError: Names missing, names too many, other shapes: all of them in one line.
    """
    wanted = network.state_dict()
    found = {name: t for name, t in tensors.items() if not name.startswith(tuple(leave_out))}
    for name, tensor in wanted.items():
        # A counter of batches that only a cumulative average reads; old torchvision files lack it.
        if name.endswith(".num_batches_tracked"):
            found.setdefault(name, torch.zeros_like(tensor))
    faults = {
        "missing": [name for name in wanted if name not in found],
        "not known": [name for name in found if name not in wanted],
        "of another shape": [
            f"{name} {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
            for name, tensor in wanted.items()
            if name in found and found[name].shape != tensor.shape
        ],
    }
    sentences = [
        f"{len(names)} {fault}: {_listed(names)}" for fault, names in faults.items() if names
    ]
    if sentences:
        raise InputError(
            f"weights {path}: not the weights of this network, nothing was loaded; "
            f"{'; '.join(sentences)}. {remedy}"
        )
    network.load_state_dict(found, strict=True)


def _listed(names: Sequence[str], most: int = 6) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
