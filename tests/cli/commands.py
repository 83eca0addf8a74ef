"""The program's commands, taken from the program, so that one written later must be tested too."""

from __future__ import annotations

from shortaxis.cli.main import app


def command_names() -> set[str]:
    """As they are typed."""
    return {str(c.name or c.callback.__name__).replace("_", "-") for c in app.registered_commands if c.callback}
