"""Methods on one split and one budget: planned, trained, scored, each finished piece kept. `run.py` is the way."""
