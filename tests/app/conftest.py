"""A tiny model folder, as generation's tests have it; the app and its readers, for the tests in a browser."""

from tests.app.browsing import chromium, reader, server
from tests.generation.conftest import folder, loaded, model, texts, tokenizer

__all__ = ["chromium", "folder", "loaded", "model", "reader", "server", "texts", "tokenizer"]
