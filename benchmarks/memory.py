"""Peak memory of `shortaxis segment`: predicted from the header beside measured, up to 50 frames of 20 slices of 512 x 512.

    python benchmarks/memory.py [--only ROWSxSLICESxFRAMES ...] [--ending .nii.gz] [-- --device cpu ...]

Both figures are the program's own: the prediction is what it names when it refuses the scan for want of memory
(`--memory-budget-gb` set too low), the measurement is the kernel's count of a fresh process that writes every output.
The scan is the phantom at that size; its first 8 frames are repeated. This process imports nothing large, because the
kernel hands its own peak down to its children.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = ("128x8x10", "256x10x30", "256x12x50", "384x16x40", "512x20x10", "512x20x25", "512x20x50")
WITHIN = 1.2
MAKE = """
import sys
import numpy as np
from pathlib import Path
from shortaxis.files.nifti_encode import encode, geometry_of, gzipped
from shortaxis.read.phantom import PhantomRecipe, make_phantom
rows, slices, frames = map(int, sys.argv[1].split("x"))
recipe = PhantomRecipe(frames=min(frames, 8), slices=slices, rows=rows, cols=rows, pixel_mm=380 / rows)
study = make_phantom(recipe).study
image = study.image[np.arange(frames) % len(study.image)].astype(sys.argv[3])
plain = encode(image, True, geometry_of(study.grid, 30.0))
path = Path(sys.argv[2])
path.write_bytes(gzipped(plain) if path.name.endswith(".gz") else plain)
"""


def predicted_mib(scan: Path, out: Path, extra: list[str]) -> float:
    """What `segment` says it would take, refusing the scan from its header."""
    command = [sys.executable, "-m", "shortaxis", "segment", str(scan), "--out", str(out), "--memory-budget-gb", "0.01"]
    told = subprocess.run([*command, *extra], capture_output=True, text=True, check=False)
    match = re.search(r"predicted ([\d.]+) GB", " ".join((told.stdout + told.stderr).split()))
    if match is None:
        raise SystemExit(f"no prediction in:\n{told.stdout}{told.stderr}")
    return float(match[1]) * 1024


def measured_mib(scan: Path, out: Path, extra: list[str]) -> float:
    """The most a whole run held."""
    command = [sys.executable, "-m", "shortaxis", "segment", str(scan), "--out", str(out), *extra]
    silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"segment ended with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024


def main() -> None:
    """Measure each size and print a table; the exit status is 1 where a ratio is outside 1/1.2 to 1.2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=SIZES, metavar="ROWSxSLICESxFRAMES")
    parser.add_argument("--ending", default=".nii.gz", choices=(".nii.gz", ".nii"))
    parser.add_argument("--voxels", default="int16", choices=("int16", "float32"))
    parser.add_argument("extra", nargs="*", help="further options of `segment`, after --")
    options = parser.parse_args()
    print("| frames x slices x rows x cols | predicted MiB | measured MiB | measured / predicted |", flush=True)
    print("|---|---|---|---|", flush=True)
    worst = 1.0
    for size in options.only:
        with tempfile.TemporaryDirectory() as folder:
            scan = Path(folder) / f"scan{options.ending}"
            subprocess.run([sys.executable, "-c", MAKE, size, str(scan), options.voxels], check=True)
            predicted = predicted_mib(scan, Path(folder) / "none", options.extra)
            measured = measured_mib(scan, Path(folder) / "out", options.extra)
        rows, slices, frames = size.split("x")
        ratio = measured / predicted
        worst = max(worst, ratio, 1 / ratio)
        shape = f"{frames} x {slices} x {rows} x {rows}"
        print(f"| {shape} | {predicted:.0f} | {measured:.0f} | {ratio:.2f} |", flush=True)
    print(f"\nfurthest from 1: a factor of {worst:.2f} (wanted: at most {WITHIN})")
    sys.exit(worst > WITHIN)


if __name__ == "__main__":
    main()
