"""The networks that the papers compare themselves with."""
