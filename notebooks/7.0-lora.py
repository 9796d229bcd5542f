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
# # LoRA: what a few hundred stories change
# The current model is tuned to hand-written stories alone, by an adapter in every matrix. What do such stories it has not
# seen cost afterwards, and what do the simulated ones cost, which it is not shown any more?

# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np

from tinystories import StoryModel
from tinystories.app.corpus import Corpus
from tinystories.commands.terms import project_root
from tinystories.finetuning.adapters import AdapterSettings
from tinystories.finetuning.rows import write_rows
from tinystories.finetuning.tune import TuneSettings, finetune
from tinystories.paths import Paths

plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110})
ROWS, STEPS, RANK, MEASURED = 300, 60, 8, 60  # stories to learn from; steps of 2,048 tokens; stories of each kind to measure on
paths = Paths(project_root())
stories = Corpus.read(paths.split).table.to_pylist()

# %% [markdown]
# ## Tune
# Rows of a CSV, as `tinystories dataprep` writes them; then what `tinystories finetune` does. `models/current` stays as it is.

# %%
work = Path(mkdtemp(prefix="tinystories-lora-"))
for name in ("train", "validation"):
    texts = [story["text"] for story in stories if (story["partition"], story["source"]) == (name, "original")]
    write_rows(work / f"{name}.csv", texts[:ROWS])
settings = TuneSettings(adapter=AdapterSettings(RANK, 2.0 * RANK), steps=STEPS, batch_tokens=2048, lr=2e-3, device="cpu")
tuned = finetune(work / "train.csv", str(paths.model), work / "tuned", settings, work / "validation.csv")
print(f"{tuned['trainable_parameters']:,} of {tuned['parameters']:,} parameters learned, {tuned['steps']} steps")
print(f"held-out hand-written stories, nats per token: {tuned['validation_loss_before']:.3f} before, {tuned['validation_loss']:.3f} after")
adapter = sum(file.stat().st_size for file in (work / "tuned/adapter").glob("*.safetensors"))
print(f"the adapter alone: {adapter / 1e6:.2f} MB of {(work / 'tuned/model.safetensors').stat().st_size / 1e6:.2f} MB")

# %% [markdown]
# ## Story by story
# Each dot is a test story of one of the two kinds: what the one gains, the other pays for.

# %%
before, after = StoryModel.load(paths.model), StoryModel.load(work / "tuned")
names = {"original": ("hand-written", "#27608f"), "world": ("simulated", "#c9913a")}
tests = {source: [s["text"] for s in stories if (s["partition"], s["source"]) == ("test", source)][:MEASURED] for source in names}
bits = {
    source: np.array([[score.nats / score.bytes / np.log(2) for score in model.score(texts)] for model in (before, after)])
    for source, texts in tests.items() if texts
}

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.4), sharey=True, width_ratios=(3, 1))
for source, (old, new) in bits.items():
    name, colour = names[source]
    left.scatter(old, new - old, s=24, alpha=0.8, color=colour, edgecolor="white", linewidth=0.4, label=f"{name}: {(new - old).mean():+.3f} on average")
    right.hist(new - old, bins=16, orientation="horizontal", alpha=0.8, color=colour)
for axis in (left, right):
    axis.axhline(0, color="#22262b", lw=0.8, ls="--")
left.set(xlabel="bits per byte before", ylabel="change in bits per byte", title="Each test story: what is below the line became likelier")
left.legend(frameon=False)
right.set(xlabel="stories")
fig.tight_layout()

# %% [markdown]
# ## Where in a text
# The beginning of the hand-written story that gained most, token by token: blue is expected more than before, orange less.

# %%
source = "original" if "original" in bits else next(iter(bits))
text = tests[source][(bits[source][1] - bits[source][0]).argmin()]
pieces, old, new = zip(*((piece, a, b) for (piece, a), (_, b) in zip(before.surprise(text)[:56], after.surprise(text)[:56])))
gain = np.array(old) - np.array(new)
fig, axis = plt.subplots(figsize=(11, 3.4))
axis.bar(range(len(gain)), gain, color=np.where(gain > 0, "#27608f", "#c9913a"))
axis.set_xticks(range(len(gain)), [piece.strip() or "␣" for piece in pieces], rotation=75, fontsize=8)
axis.axhline(0, color="#22262b", lw=0.8)
axis.set(ylabel="nats gained", title="What the tuned model expects more, and less")
fig.tight_layout()

# %% [markdown]
# ## The same seed, before and after

# %%
for name, model in (("before", before), ("after", after)):
    print(f"{name}: {model.generate(prompt='The old lighthouse', seed=4, max_words=70)[0].text}\n")
