"""Whole tasks made of the parts before: one file per task. `pipeline.py` is their front page, the CLI calls that."""
