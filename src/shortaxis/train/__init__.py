"""Fitting a stage to labelled cases; it knows stages, never a method by name."""
