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
# # Tags
# The same seeds with a tag and without, told apart by a judge that never saw the training labels; then with guidance,
# which follows wishes more closely.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinystories import StoryModel
from tinystories.commands.terms import project_root
from tinystories.paths import Paths
from tinystories.reporting.notebook import report
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

root = project_root()
model = StoryModel.load(Paths(root).model)
judge = Tagger.load("judge")
COUNT, LONGEST = 8, 120  # stories for each bar; more of them, and the bars mean more

# %%
free = model.generate(count=COUNT, max_tokens=LONGEST, seed=1)
rates = {"not asked for": [np.mean([tag in judge.tags(story.text) for story in free]) for tag in TAGS]}
for name, options in (("asked for", {}), ("with guidance 2", {"guidance": 2.0})):
    rates[name] = [
        np.mean([story.met[f"tag:{tag}"] for story in model.generate(count=COUNT, tags=[tag], max_tokens=LONGEST, seed=1, **options)])
        for tag in TAGS
    ]

# %%
fig, axis = plt.subplots(figsize=(9, 3.6))
for place, (name, colour) in enumerate(zip(rates, ("#b9bdc4", "#6b9cc4", "#27608f"))):
    axis.bar(np.arange(len(TAGS)) + 0.27 * (place - 1), rates[name], width=0.25, label=name, color=colour)
axis.set_xticks(range(len(TAGS)), TAGS)
axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False)
axis.set_title(f"What the judge finds in {COUNT} stories each")
fig.tight_layout()

# %% [markdown]
# The report measures it on more stories, corrects for the judge's own errors, and gives intervals:

# %%
report(root, "tags", height=800)
