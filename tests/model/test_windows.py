"""The window encoder: which tokens a place sees, tags at the start or in every window, the same one by one."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.builders import small_tokenizer
from tinystories.generation.windows import WindowEngine
from tinystories.model.config import ModelConfig
from tinystories.model.folder import load_model, save_model
from tinystories.model.windows import WindowConfig, WindowEncoder

PARTS = ModelConfig(
    vocab_size=600, width=32, layers=4, heads=4, ffn=64, context=256, positions="learned", norm="layer",
    norm_place="post", activation="relu", bias=True, tied=False, dropout=0.1,
)  # fmt: skip
START = WindowConfig(PARTS, (48, 64), window=12)
EVERY = replace(START, pinned=(3, 4, 5))
BOS = 1


def encoder(config: WindowConfig) -> WindowEncoder:
    torch.manual_seed(0)
    model = WindowEncoder(config)
    for p in model.parameters():
        p.data += 0.1 * torch.randn_like(p)
    return model.eval()


@pytest.fixture
def ids() -> torch.Tensor:
    """Two rows: the first with two tags behind <bos>, the second with none."""
    ids = torch.randint(20, 600, (2, 40), generator=torch.Generator().manual_seed(1))
    ids[:, 0] = BOS
    ids[0, 1:3] = torch.tensor([3, 5])
    return ids


@pytest.mark.parametrize("config", [START, EVERY, replace(START, parts=replace(PARTS, norm_place="pre", tied=True))])
def test_the_number_of_parameters_is_what_the_config_says(config: WindowConfig) -> None:
    assert sum(p.numel() for p in encoder(config).parameters()) == config.parameters


@pytest.mark.parametrize("place", [5, 20, 39])
def test_a_place_sees_the_window_that_ends_with_it_and_nothing_else(place: int, ids: torch.Tensor) -> None:
    model = encoder(START)
    before = model(ids)
    for changed_at in range(40):
        changed = ids.clone()
        changed[:, changed_at] += 1
        same = torch.equal(model(changed)[1, place], before[1, place])
        assert same == (not place - 12 < changed_at <= place), changed_at


def test_tags_slide_out_of_the_window_or_stay_in_each(ids: torch.Tensor) -> None:
    other = ids.clone()
    other[0, 1:3] = torch.tensor([4, 5])
    differs = {}
    for name, config in (("start", START), ("every", EVERY)):
        model = encoder(config)
        differs[name] = [not torch.equal(a, b) for a, b in zip(model(ids)[0], model(other)[0], strict=True)]
    assert differs["start"] == [1 <= place < 13 for place in range(40)]
    assert differs["every"] == [place >= 1 for place in range(40)]


def test_pinned_tags_take_the_place_of_the_windows_oldest_tokens() -> None:
    row = torch.tensor([[BOS, 3, 5, *range(20, 57)]])
    seen, _ = encoder(EVERY).windows(row, torch.tensor([[11, 12, 13, 14, 39]]))
    assert seen[0].tolist() == [BOS, 3, 5, *range(20, 29)]
    assert seen[1].tolist() == [3, 5, *range(20, 30)]
    assert seen[2].tolist() == [3, 5, *range(21, 31)] and seen[4].tolist() == [3, 5, *range(47, 57)]
    tagless = torch.tensor([[BOS, *range(20, 59)]])
    assert encoder(EVERY).windows(tagless, torch.tensor([[39]]))[0][0].tolist() == list(range(47, 59))


def test_padding_at_the_beginning_is_not_seen(ids: torch.Tensor) -> None:
    model = encoder(START)
    windows, seen = model.windows(ids, torch.tensor([[3], [20]]))
    assert seen[0].tolist() == [False] * 8 + [True] * 4 and seen[1].all()
    other = windows.clone()
    other[0, :8] = 77
    assert torch.equal(model._encode(windows, seen), model._encode(other, seen))


@pytest.mark.parametrize("config", [START, EVERY])
def test_the_last_place_alone_is_the_last_of_all_places(config: WindowConfig, ids: torch.Tensor) -> None:
    model = encoder(config)
    ids_NW, seen_NW = model.windows(ids, torch.arange(40).expand(2, 40))
    x = model.embed_tokens(ids_NW) + model.embed_positions.weight
    layers = list(model.layers)
    mask = seen_NW[:, None, None].expand(-1, 4, 12, 12)
    for block in layers:  # every layer at every place, as torch's own encoder does it
        q, k, v = block.self_attn.project(x, *torch.empty(2, 0))
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        attended = block.self_attn.o_proj(y.transpose(1, 2).flatten(2))
        x = block.input_layernorm(x + attended)
        x = block.post_attention_layernorm(x + block.mlp(x))
    assert torch.allclose(model.hidden(ids).flatten(0, 1), x[:, -1], atol=1e-5)
    with torch.inference_mode():
        assert torch.allclose(model(ids), model.head(x[:, -1]).view(2, 40, -1), atol=1e-4)


@pytest.mark.parametrize("config", [START, EVERY])
def test_written_token_by_token_the_logits_are_those_of_the_whole(config: WindowConfig, ids: torch.Tensor) -> None:
    model = encoder(config)
    whole = model(ids)
    engine = WindowEngine(model)
    logits, cache = engine.prefill([ids[0, :5].tolist(), ids[1, :9].tolist()], 30)
    for step in range(25):
        for row, start in enumerate((5, 9)):
            assert torch.allclose(logits[row], whole[row, start - 1 + step], atol=1e-4)
        logits = engine.step(torch.stack([ids[0, 5 + step], ids[1, 9 + step]]), cache)
    kept = engine.keep(cache, [1])
    again = engine.step(ids[1, 34:35], kept)
    assert torch.allclose(again[0], whole[1, 34], atol=1e-4)


def test_saved_and_loaded_it_is_the_same(ids: torch.Tensor, tmp_path: Path) -> None:
    model = encoder(EVERY)
    save_model(tmp_path, model, small_tokenizer(), card="# tiny\n", fingerprint={"fingerprint": "ab" * 8}, form="tags")
    loaded = load_model(tmp_path)
    assert loaded.config == EVERY and loaded.form.name == "tags"
    assert torch.equal(loaded.model(ids), model(ids))
