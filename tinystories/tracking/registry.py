"""The champion: an alias in MLflow's model registry, and the registered models that it may stand at."""

import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import mlflow.pyfunc
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.models.model import MLMODEL_FILE_NAME

import tinystories
from tinystories.errors import ModelError
from tinystories.paths import Paths
from tinystories.tracking.store import (
    CHAMPION,
    EXPERIMENT,
    MODEL,
    FoundRun,
    find_run,
    local,
    open_store,
    registered,
    trouble_is_ours,
)

SERVED: Final = "served.py"
REASON_TAG: Final = "champion.reason"
VERDICT_TAG: Final = "champion.verdict"
# what the code that the model carries along imports when it tells stories
NEEDS: Final = (
    "huggingface_hub", "jinja2", "numpy", "pyarrow", "pydantic", "PyYAML", "regex", "safetensors", "scikit-learn",
    "scipy", "sentencepiece", "tokenizers", "torch",
)  # fmt: skip


def champion(root: Path) -> FoundRun | None:
    """The run whose model the alias stands at; None while there is none."""
    return find_run(root, f"models:/{MODEL}@{CHAMPION}")


def crown(root: Path, run: FoundRun, why: str) -> str:
    """Let the alias stand at the run's model, registered if it is not yet; returns the version.

    The reason is kept as the version's description, and as a tag on it and on the run.
    """
    with trouble_is_ours(root):
        client = open_store(root)
        number = _registered_version(client, run) or _register(client, run, why)
        client.update_model_version(MODEL, number, description=why)
        client.set_model_version_tag(MODEL, number, REASON_TAG, why)
        client.set_registered_model_alias(MODEL, CHAMPION, number)
        client.set_tag(run.id, VERDICT_TAG, f"champion, version {number}")
        client.set_tag(run.id, REASON_TAG, why)
    return number


def keep(root: Path, challenger: FoundRun, why: str) -> None:
    """The alias stays where it is; why is kept as a tag on the challenger's run."""
    with trouble_is_ours(root):
        client = open_store(root)
        client.set_tag(challenger.id, VERDICT_TAG, "not the champion")
        client.set_tag(challenger.id, REASON_TAG, why)


def fetch(address: str) -> Path:
    """The model folder of runs:/ID or models:/NAME@ALIAS, in the store of the project that one is in.

    That is the nearest mlflow.db from the current folder upwards. Raises ModelError where there is none
    or it holds no such model.
    """
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if Paths(folder).mlflow.is_file()), None)
    if root is None:
        raise ModelError(f"{address}: no mlflow.db in {here} or above; type this in a project whose pipeline has run")
    if address.startswith("models:/"):
        with trouble_is_ours(root):
            found = registered(open_store(root), address)
        if found is not None:
            return _folder(local(found.source))
    else:
        run = find_run(root, address)
        if run is not None and (run.artifacts / "model").is_dir():
            return run.artifacts / "model"
    raise ModelError(f"{address}: no such model in {Paths(root).mlflow}; `mlflow ui` shows what there is")


def _registered_version(client: Any, run: FoundRun) -> str | None:
    """The version of this run's model, if it was registered before."""
    try:
        found = client.search_model_versions(f"name='{MODEL}'")
    except MlflowException:
        return None
    return next((str(one.version) for one in found if one.run_id == run.id), None)


def _register(client: Any, run: FoundRun, why: str) -> str:
    """Log the run's model folder as an MLflow model, code and safetensors, and register it."""
    if client.search_registered_models(f"name='{MODEL}'") == []:
        client.create_registered_model(MODEL, description="Small models that tell TinyStories.")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    logged = client.create_logged_model(
        experiment.experiment_id, name="model", source_run_id=run.id, tags={"tinystories.fingerprint": run.fingerprint}
    )
    with tempfile.TemporaryDirectory(prefix="tinystories-model-") as folder:
        to = Path(folder) / "model"
        _save(run.artifacts / "model", to, Model(run_id=run.id, model_id=logged.model_id))
        client.log_model_artifacts(logged.model_id, str(to))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run.id, [LoggedModelOutput(logged.model_id, step=0)])
    # its place and not models:/ID, which MLflow would look up in another store
    made = client.create_model_version(
        MODEL, logged.artifact_location, run_id=run.id, description=why, model_id=logged.model_id,
        tags={"tinystories.fingerprint": run.fingerprint},
    )  # fmt: skip
    return str(made.version)


def _save(model: Path, to: Path, described: Model) -> None:
    """MLflow's layout of a model from code: served.py, the package as it is now, the model folder as it is."""
    package = Path(tinystories.__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / package.name
        shutil.copytree(package, code, ignore=shutil.ignore_patterns("__pycache__", "sample", "templates"))
        mlflow.pyfunc.save_model(
            path=str(to),
            python_model=str(Path(__file__).with_name(SERVED)),
            artifacts={"model": str(model)},
            code_paths=[str(code)],
            pip_requirements=_requirements(),
            mlflow_model=described,
        )


def _requirements() -> list[str]:
    """The versions that are installed here, of what the model needs to be served elsewhere."""
    needed = []
    for name in ("mlflow", *NEEDS):
        try:
            needed.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue
    return needed


def _folder(logged: Path) -> Path:
    """The model folder inside an MLflow model, as its MLmodel says."""
    described = Model.load(str(logged / MLMODEL_FILE_NAME))
    return logged / str(described.flavors["python_function"]["artifacts"]["model"]["path"])
