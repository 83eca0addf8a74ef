"""Overlap, surfaces, volumes, walls, infarct, phases, agreement: plain functions on arrays that know their spacing."""
