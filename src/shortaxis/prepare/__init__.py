"""Placeholder; its owner writes one sentence here."""
