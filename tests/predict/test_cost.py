"""Weighing a stage must not itself weigh much."""

from __future__ import annotations

import subprocess
import sys

WEIGHED = """
import sys
import torch
from shortaxis.predict.cost import _Watch
with _Watch() as watch:
    kept = torch.ones(1000) + 1  # two tensors of 4000 bytes, of which one is let go
print(watch.peak, watch.now, "torch._dynamo" in sys.modules)
"""


def test_tensors_are_counted_without_loading_the_compiler_of_torch() -> None:
    told = subprocess.run([sys.executable, "-c", WEIGHED], capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout.split() == ["8000", "4000", "False"]
