"""The beginnings that a model completes: a file that `evaluate.prompts` names."""

from pathlib import Path

import yaml

from tinystories.errors import SourceError


def read_prompts(path: Path) -> list[str]:
    """The beginnings in a YAML list of texts, in order.

    White space at an end is kept: it says that the last word is complete. Raises SourceError for
    a file that is missing or of another form.
    """
    try:
        prompts = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; evaluate.prompts names a YAML list of beginnings") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(prompts, list) or not all(isinstance(prompt, str) and prompt.strip() for prompt in prompts):
        raise SourceError(f"{path}: expected a YAML list of texts, none of them empty (evaluate.prompts)")
    return prompts
