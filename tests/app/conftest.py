"""A tiny model folder, as generation's tests have it."""

from tests.generation.conftest import folder, loaded, model, texts, tokenizer

__all__ = ["folder", "loaded", "model", "texts", "tokenizer"]
