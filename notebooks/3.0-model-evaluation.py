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
# # How good is it?
# On stories that it never saw: how well it expects them, where it is at a loss, and what it can do.

# %%
from tinystories.commands.terms import project_root
from tinystories.reporting.notebook import report

root = project_root()
report(root, "likelihood", height=900)

# %%
report(root, "breakdown", height=900)

# %%
report(root, "abilities", height=700)

# %% [markdown]
# What it writes, beside real stories; and how much of that it copied from those it learned from.

# %%
report(root, "variety", "copies", height=1000)
