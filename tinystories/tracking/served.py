"""What `mlflow models serve` runs: MLflow keeps this file with the model, beside its safetensors, and no pickle.

Asked with {"inputs": [{"tags": ["Twist"], "seed": 3}]}, it answers with a story for each.
"""

from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel, PythonModelContext
from pydantic import BaseModel, ConfigDict

from tinystories.errors import RequestError
from tinystories.generation.requests import Request
from tinystories.generation.story_model import StoryModel


class Asked(BaseModel):
    """The fields of tinystories.Request; each may be left out."""

    model_config = ConfigDict(extra="forbid")

    prompt: str | None = None
    tags: list[str] | None = None
    first: str | None = None
    last: str | None = None
    start: str | None = None
    end: str | None = None
    words: list[str] | None = None
    max_tokens: int | None = None
    max_words: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None
    index: int | None = None


class Answer(BaseModel):
    """A story; `met` says of each control that was asked for whether it is kept, `stopped` why it ends."""

    text: str
    met: dict[str, bool]
    stopped: str
    tokens: int
    nats: float
    seed: int


class Served(PythonModel):  # type: ignore[misc]  # MLflow has no types here
    """A StoryModel behind MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        self.model = StoryModel.load(context.artifacts["model"])

    def predict(self, model_input: list[Asked]) -> list[Answer]:
        """A story for each request; what can't be met is the asker's error, one line."""
        try:
            requests = [Request(**asked.model_dump(exclude_none=True)) for asked in model_input]
            stories = self.model.generate_many(requests)
        except RequestError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from None
        return [
            Answer(text=s.text, met=s.met, stopped=s.stopped, tokens=s.tokens, nats=s.nats, seed=s.seed)
            for s in stories
        ]


set_model(Served())
