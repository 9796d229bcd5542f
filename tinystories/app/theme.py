"""Colours and type of the app: the report's paper and ink, light and dark; only fonts that the system has."""

from typing import Any, Final

SERIF: Final = '"Iowan Old Style", Charter, "Palatino Linotype", Palatino, "Source Serif 4", Georgia, serif'

_LIGHT: Final = {
    "primaryColor": "#27608f", "backgroundColor": "#fcfbf8", "secondaryBackgroundColor": "#f1eee6",
    "textColor": "#22262b", "linkColor": "#27608f", "borderColor": "#d8d3c6",
    "redTextColor": "#9c2f20", "greenTextColor": "#2f6242", "grayTextColor": "#5d6169",
}  # fmt: skip
_DARK: Final = {
    "primaryColor": "#85b5e0", "backgroundColor": "#15181c", "secondaryBackgroundColor": "#1f242a",
    "textColor": "#e3e1db", "linkColor": "#85b5e0", "borderColor": "#3a414a",
    "redTextColor": "#ee8f7e", "greenTextColor": "#8cc3a0", "grayTextColor": "#a5aab2",
}  # fmt: skip

THEME: Final[dict[str, Any]] = {
    "theme.baseRadius": "6px",
    "theme.headingFont": SERIF,
    "theme.showWidgetBorder": True,
    **{f"theme.light.{name}": value for name, value in _LIGHT.items()},
    **{f"theme.dark.{name}": value for name, value in _DARK.items()},
}
