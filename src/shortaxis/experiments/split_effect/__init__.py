"""How much of a score the split explains: by patient, and at random by slice."""
