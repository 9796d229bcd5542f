"""Which models are registered, asked of SQLite itself: MLflow takes seconds to import, and a page is drawn now."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

ADDRESSES: Final = ("runs:/", "models:/")  # how addresses of MLflow's models begin
_VERSIONS: Final = """
select v.name, v.version, t.value from model_versions v
left join model_version_tags t on t.name = v.name and t.version = v.version and t.key = 'tinystories.fingerprint'
where v.current_stage != 'Deleted_Internal' order by v.name, v.version desc
"""
_ALIASES: Final = "select name, version, alias from registered_model_aliases order by name, alias"


def registered_models(store: Path) -> list[tuple[str, str]]:
    """(address, fingerprint) of each model version in the MLflow database at `store`, under its alias if it has one.

    Addresses with an alias come first, then versions, newest first. Empty where there is no database, or none that
    can be read that way.
    """
    if not store.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True)) as database:
            versions = database.execute(_VERSIONS).fetchall()
            aliases = database.execute(_ALIASES).fetchall()
    except sqlite3.Error:
        return []
    prints = {(name, version): made_from or "" for name, version, made_from in versions}
    named = [(f"models:/{name}@{alias}", prints[name, version]) for name, version, alias in aliases
             if (name, version) in prints]  # fmt: skip
    has_alias = {(name, version) for name, version, _ in aliases}
    others = [(f"models:/{name}/{version}", made) for (name, version), made in prints.items()
              if (name, version) not in has_alias]  # fmt: skip
    return [*named, *others]
