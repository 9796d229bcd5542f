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
# # Training
# How the current model learned. Loss is in nats a token; the curve of the validation stories is the one to watch.

# %%
from tinystories.commands.terms import project_root
from tinystories.params import explain_params
from tinystories.reporting.notebook import report

root = project_root()
report(root, "training", height=560)

# %% [markdown]
# The values that it was trained with, and where each comes from. `dvc exp run -S train.steps=60` tries another one,
# `dvc exp show` puts them beside each other.

# %%
params, origin = explain_params(root, ())
for name, value in params.train.model_dump(by_alias=True).items():
    print(f"{name:<20} {value!s:<10} {origin[f'train.{name}']}")
