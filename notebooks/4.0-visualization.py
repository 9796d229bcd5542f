# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Inside the model
# What it did not expect, what it looks at, where it puts its words.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinystories import StoryModel
from tinystories.commands.terms import project_root
from tinystories.evaluation.insight import attention, word_map
from tinystories.paths import Paths
from tinystories.reporting.notebook import report

root = project_root()
model = StoryModel.load(Paths(root).model)
TEXT = "Once upon a time there was a little girl. Her name was Lily. Lily had a red umbrella."

# %% [markdown]
# ## Loss, token by token
# The price of each token in nats, after all that stands before it.

# %%
pieces = model.surprise(TEXT)[:-1]
fig, axis = plt.subplots(figsize=(11, 3.2))
axis.bar(range(len(pieces)), [nats for _, nats in pieces], color=plt.cm.YlOrBr([min(nats / 8, 1) for _, nats in pieces]))
axis.set_xticks(range(len(pieces)), [text.strip() or "␣" for text, _ in pieces], rotation=70)
axis.set(ylabel="nats", title="What it did not expect")
axis.spines[["top", "right"]].set_visible(False)
fig.tight_layout()

# %% [markdown]
# ## Attention
# Row: who looks; column: at whom. Heads that look at the token before, at the beginning, at the same name again.

# %%
looks = attention(model.loaded, TEXT)
layers, heads = looks.weights.shape[:2]
fig, axes = plt.subplots(layers, heads, figsize=(2.6 * heads, 2.7 * layers), squeeze=False)
for (layer, head), axis in np.ndenumerate(axes):
    axis.imshow(looks.weights[layer, head] ** 0.5, cmap="Blues", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=9)
fig.tight_layout()

# %% [markdown]
# One head, with its tokens:

# %%
sharpest = np.unravel_index(looks.weights[..., 8:, 1:].max(axis=(-1, -2)).argmax(), (layers, heads))
fig, axis = plt.subplots(figsize=(7.5, 7))
axis.imshow(looks.weights[sharpest] ** 0.5, cmap="Blues", vmin=0, vmax=1)
names = [token.strip() or "␣" for token in looks.tokens]
axis.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
axis.set_yticks(range(len(names)), names, fontsize=8)
axis.set_title(f"layer {sharpest[0] + 1}, head {sharpest[1] + 1}")
fig.tight_layout()

# %% [markdown]
# ## Embeddings
# Words that stand for one token, in the two directions in which they differ most.

# %%
WORDS = "he she her his boy girl cat dog bird tree park house was had said went saw ran big little red happy sad".split()
words, places = word_map(model.loaded, WORDS)
fig, axis = plt.subplots(figsize=(9, 6))
axis.scatter(*places.T, s=14, color="#27608f")
for word, (x, y), below in zip(words, places, [False, True] * len(words)):  # those that lie together are neighbours in WORDS
    axis.annotate(word, (x, y), xytext=(3, -10 if below else 3), textcoords="offset points", fontsize=9)
axis.set(xticks=[], yticks=[], title="Words by their embeddings")
fig.tight_layout()

# %% [markdown]
# ## Training dynamics

# %%
report(root, "training", height=560)
