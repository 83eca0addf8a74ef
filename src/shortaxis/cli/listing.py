"""`shortaxis methods` and `shortaxis models`: what can be trained, and what can be used at once."""

from __future__ import annotations


def methods() -> None:
    """List the methods that can be trained, built in or added by an installed package."""
    from rich.console import Console
    from rich.table import Column, Table

    from shortaxis.pipeline import list_methods

    published = Column("published", overflow="fold")  # a DOI that is cut off leads nowhere
    table = Table("name", "sees", "what it is", published, box=None, header_style="bold")
    for method in list_methods():
        table.add_row(method.name, f"{method.dimensions}D", method.title, method.citation)
    Console().print(table)


def models() -> None:
    """List the trained models that are installed, with what they were trained on."""
    from rich.console import Console
    from rich.table import Column, Table

    from shortaxis.pipeline import list_models

    name, method = (Column(title, no_wrap=True) for title in ("name", "method"))  # what is cut off cannot be asked for
    file = Column("file", overflow="fold")
    trained = Column("trained on", overflow="fold")
    table = Table(name, method, trained, "licence", file, box=None, header_style="bold")
    found = list_models()
    for model in found:
        trained_on = f"{model.trained_on} (EXPERIMENTAL)" if model.experimental else model.trained_on
        table.add_row(model.name, model.method, trained_on, model.licence, str(model.path))
    Console().print(table if found else "none is installed; docs/how-to/install.md says where one comes from")
