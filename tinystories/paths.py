"""Where every stage reads and writes, in one place; dvc.yaml names the same paths."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """All paths of a project, from its root (the folder with params.yaml)."""

    root: Path

    # extract
    @property
    def extracted(self) -> Path:
        return self.root / "data/extract/stories.parquet"

    @property
    def repaired(self) -> Path:
        """Stories that extract repaired, as they were."""
        return self.root / "data/extract/repaired.parquet"

    @property
    def extract_metrics(self) -> Path:
        return self.root / "reports/metrics/extract.json"

    @property
    def hub_pins(self) -> Path:
        """Commits of hub data sets, resolved at first use: a file for git, not a DVC output."""
        return self.root / "pipeline/hub-pins.json"

    # validate
    @property
    def suite(self) -> Path:
        return self.root / "pipeline/expectations/stories.json"

    @property
    def validated(self) -> Path:
        return self.root / "data/validate/stories.parquet"

    @property
    def quarantine(self) -> Path:
        return self.root / "data/validate/quarantine.parquet"

    @property
    def examples(self) -> Path:
        """JSON: what validate left out, some of each reason, and copies beside what they resemble."""
        return self.root / "data/validate/examples.json"

    @property
    def data_docs(self) -> Path:
        """GX's Data Docs of the last validation; has random ids."""
        return self.local / "data-docs.html"

    @property
    def validate_metrics(self) -> Path:
        return self.root / "reports/metrics/validate.json"

    # split
    @property
    def split(self) -> Path:
        return self.root / "data/split/stories.parquet"

    @property
    def profile(self) -> Path:
        """JSON: what the corpus is like: counts of each measure, tags together, words, typical stories."""
        return self.root / "data/split/profile.json"

    @property
    def accepted(self) -> Path:
        """The measures of the corpus that was accepted last, which later ones are compared with: a file for git."""
        return self.root / "pipeline/accepted-corpus.json"

    @property
    def split_metrics(self) -> Path:
        return self.root / "reports/metrics/split.json"

    # tokenize
    @property
    def tokens(self) -> Path:
        """Folder: tokenizer.json, and per partition NAME.ids.npy with NAME.index.parquet."""
        return self.root / "data/tokens"

    @property
    def tokenize_metrics(self) -> Path:
        return self.root / "reports/metrics/tokenize.json"

    # train
    @property
    def model(self) -> Path:
        return self.root / "models/current"

    @property
    def train_metrics(self) -> Path:
        return self.root / "reports/metrics/train.json"

    @property
    def curve(self) -> Path:
        """CSV: step, train_loss, validation_loss (empty where not measured), lr."""
        return self.root / "reports/plots/curve.csv"

    # evaluate
    @property
    def evaluate_metrics(self) -> Path:
        return self.root / "reports/metrics/evaluate.json"

    @property
    def evaluation(self) -> Path:
        """Folder: scores per story (stories.parquet); as JSON Lines what was generated, minimal pairs, choices, ..."""
        return self.root / "reports/evaluation"

    @property
    def adherence_plot(self) -> Path:
        """CSV: tag, and the judge's rates requested, unconditional, shuffled."""
        return self.root / "reports/plots/adherence.csv"

    # report
    @property
    def report_html(self) -> Path:
        return self.root / "reports/index.html"

    @property
    def report_markdown(self) -> Path:
        return self.root / "reports/report.md"

    @property
    def model_card(self) -> Path:
        return self.root / "reports/model-card.md"

    @property
    def data_card(self) -> Path:
        return self.root / "reports/data-card.md"

    # not DVC's
    @property
    def work(self) -> Path:
        """Work in progress: checkpoints and shards, by fingerprint, git-ignored."""
        return self.root / ".work"

    @property
    def local(self) -> Path:
        """What depends on a clock or on random ids: git-ignored, declared by no stage."""
        return self.root / "reports/local"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow.db"
