"""Language models of two layers, 32 wide, with a tokeniser of a few words, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

WORDS = ["mass", "no", "left", "right", "of", "3", "mm", "lobe", "frontal", "in", "the", "."]
_MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def make(folder: Path, kind: str = "bert", *, seed: int = 0, pooling: str = "") -> Path:
    """Write such a model into a folder as its library does, and give the folder."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(_MARKS + WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=64,
    )  # fmt: skip
    common: dict[str, Any] = {
        "vocab_size": len(_MARKS + WORDS), "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 66,
        "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
    }  # fmt: skip
    if kind == "modernbert":
        common |= {"cls_token_id": 2, "sep_token_id": 3}
    config = transformers.AutoConfig.for_model(kind, **common)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformers.AutoModel.from_config(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    if pooling:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(f'{{"pooling_mode_{pooling}": true}}')
    return folder
