"""Running fitted stages over studies; like `train`, it knows stages and never a method by name."""
