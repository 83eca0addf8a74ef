"""Cardiac MR from the scanner's files to masks, clinical indices and a report."""

__version__ = "0.1.0"
