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
# # A look around the corpus
# How long stories are, what they are tagged with, what goes with what.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinystories.app.corpus import Corpus
from tinystories.commands.terms import project_root
from tinystories.paths import Paths
from tinystories.text.tags import TAGS

plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110})
corpus = Corpus.read(Paths(project_root()).split)
print(f"{len(corpus):,} stories, {corpus.words.sum():,} words, {np.median(corpus.words):.0f} in the middle one")

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 3.4))
axes[0].hist(corpus.words, bins=40, color="#27608f", alpha=0.85)
axes[0].axvline(np.median(corpus.words), color="#22262b", ls="--", lw=1)
axes[0].set(title="Lengths", xlabel="words", ylabel="stories")
shares = {tag: corpus.has[tag].mean() for tag in TAGS}
axes[1].barh(list(shares), list(shares.values()), color="#27608f", alpha=0.85)
axes[1].invert_yaxis()
axes[1].set(title="Share of stories with each tag")
axes[1].xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
fig.tight_layout()

# %% [markdown]
# Which tags go together: of the stories with the row's tag, the share that has the column's as well.

# %%
together = np.array([[corpus.has[b][corpus.has[a]].mean() if corpus.has[a].any() else 0 for b in TAGS] for a in TAGS])
fig, axis = plt.subplots(figsize=(5.2, 4.2))
image = axis.imshow(together, cmap="Blues", vmin=0, vmax=1)
axis.set_xticks(range(len(TAGS)), TAGS, rotation=35, ha="right")
axis.set_yticks(range(len(TAGS)), TAGS)
for (row, column), share in np.ndenumerate(together):
    axis.text(column, row, f"{share:.0%}", ha="center", va="center", color="white" if share > 0.6 else "#22262b", fontsize=8)
axis.set_title("Tags together")
fig.tight_layout()

# %% [markdown]
# Stories that hold some words, the shortest with a twist:

# %%
rows = corpus.find("the", ("Twist",))
shortest = corpus.row(int(rows[corpus.words[rows].argmin()])) if len(rows) else corpus.row(0)
print(shortest["text"])
