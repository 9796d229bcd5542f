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
# # The middle of a story
# First and last sentence are given; the story is first + middle + last, word for word.

# %%
from tinystories import StoryModel
from tinystories.commands.terms import project_root
from tinystories.paths import Paths
from tinystories.reporting.notebook import report

root = project_root()
model = StoryModel.load(Paths(root).model)
FIRST, LAST = "Tom had a red kite.", "They laughed all the way home."
for seed in range(3):
    story = model.infill(FIRST, LAST, seed=seed)
    assert story.met["first"] and story.met["last"]
    print(f"{seed}: {story.text}\n")

# %% [markdown]
# Does it write towards the end that it is given? Measured on test stories: the middle's price with and without the
# ends, and what the true last sentence costs after the model's own middle.

# %%
report(root, "infilling", height=420)

# %%
report(root, "between", height=900)
