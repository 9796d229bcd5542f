"""Every error that a user can cause: one tree, one line each, exit code 2."""


class TinyStoriesError(Exception):
    """A request, a parameter or data that is wrong.

    The message is one line saying what is wrong, where, and what to do; the
    command line prints it without a traceback and exits with 2.
    """


class ParamsError(TinyStoriesError):
    """params.yaml, a parameter group or a --set is wrong (all problems at once)."""


class SourceError(TinyStoriesError):
    """Stories can't be read from where params.yaml says they are."""


class ValidationError(TinyStoriesError):
    """A rule about the data set as a whole is broken."""


class ModelError(TinyStoriesError):
    """A model folder is missing, incomplete or of a kind not known here."""


class RequestError(TinyStoriesError):
    """A story was asked for in a way that can't be met or contradicts itself."""


class TrainingError(TinyStoriesError):
    """Training can't start or go on (no data, divergence, a full disk)."""
