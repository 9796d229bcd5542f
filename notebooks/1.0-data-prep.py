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
# # Data: from raw text to what a model reads
# After `make repro`, the first four stages have left their files in `data/`. What they found and left out:

# %%
import pandas as pd

from tinystories.commands.terms import project_root
from tinystories.paths import Paths
from tinystories.reporting.notebook import report

root = project_root()
paths = Paths(root)
report(root, "data", height=900)

# %% [markdown]
# One story, as `split` stores it: its parts are the text, byte for byte.

# %%
stories = pd.read_parquet(paths.split)
story = stories[stories.infillable].iloc[0]
assert story["first"] + story["middle"] + story["last"] == story["text"]
story.drop("text").to_frame("")

# %% [markdown]
# The same story as tokens, and in the three forms in which it is trained on ([docs/sequences.md](../docs/sequences.md)).
# Loss falls on what is marked.

# %%
from tinystories.requests.mixed import Controls, between, controlled, plain
from tinystories.requests.stored import StoredStories
from tinystories.text.tokenizer import StoryTokenizer

tokenizer = StoryTokenizer.load(paths.tokens)
tokens = next(one for one in StoredStories(paths.tokens, "train") if one.infillable)
controls = Controls(tags=tokens.tags, words=tokens.words[:2], length=tokens.length)
forms = {
    "plain": plain(tokenizer, tokens),
    "with controls": controlled(tokenizer, tokens, controls),
    "between": between(tokenizer, tokens, controls),
}
for name, example in forms.items():
    print(f"{name}: {len(example)} tokens, {example.targets} of them targets")
    print("   ", " ".join(tokenizer.token(int(i)).replace("Ġ", "·") for i in example.ids[:40]), "…\n")
