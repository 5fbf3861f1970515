"""Run the tests under each kernel of OpenBLAS, as other machines would: ``make kernels``.

The last digits of a product of matrices depend on the kernel, and so does what is decided by them. The variable
OPENBLAS_CORETYPE chooses one; NumPy and SciPy bring an OpenBLAS each, and both read it. A kernel that this processor
or these libraries do not have is silently replaced by another, so that it is asked afterwards which one it became.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
KERNELS = ("NEHALEM", "SANDYBRIDGE", "HASWELL", "SKYLAKEX", "ZEN")

# Where the last digits have decided a test before: what a change must pass under two kernels, in a minute or so.
SHORT = (
    "test_recover.py",
    "test_recover_biases.py",
    "test_recover_crowded.py",
    "test_recover_reflections.py",
    "test_extract.py",
    "test_decompose.py",
    "test_decompose_joint_diagonalisation.py",
    "test_decompose_least_squares.py",
    "test_decompose_unknown_rank.py",
)

PROBE = """
import json
import numpy
import scipy.linalg
from threadpoolctl import threadpool_info
print(json.dumps(sorted({one["architecture"] for one in threadpool_info() if one["internal_api"] == "openblas"})))
"""


def under(kernel: str) -> dict[str, str]:
    """The environment of a process that is to use a kernel."""
    return {**os.environ, "OPENBLAS_CORETYPE": kernel}


def taken(kernel: str) -> list[str]:
    """What the libraries use where this kernel is asked for."""
    command = [sys.executable, "-c", PROBE]
    return json.loads(subprocess.run(command, env=under(kernel), capture_output=True, text=True, check=True).stdout)


def outcome(kernel: str, asked: list[str], jobs: int, files: list[str]) -> tuple[bool, str]:
    """Whether the tests pass under a kernel, or under what is taken for it; and the line that says so."""
    found = taken(kernel)
    is_itself = [name.upper() for name in found] == [kernel]
    if not is_itself and {name.upper() for name in found} <= set(asked):
        return True, f"skipped: this processor or its OpenBLAS takes {' and '.join(found) or 'no kernel'} for it"
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(jobs), "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, env=under(kernel), cwd=TESTS.parent, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["pytest said nothing"]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    name = "" if is_itself else f"as {' and '.join(found)}: "
    return done.returncode == 0, "\n  ".join([name + lines[-1], *failed])


def main() -> int:
    """Print one line a kernel, and the tests that fail."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help=f"of {', '.join(KERNELS)}; all if none is named")
    parser.add_argument("--short", action="store_true", help="only the tests that depend most on the last digits")
    parser.add_argument("--jobs", "-n", type=int, default=1)
    asked = parser.parse_args()
    if unknown := set(asked.kernels) - set(KERNELS):
        parser.error(f"{', '.join(sorted(unknown))} is none of {', '.join(KERNELS)}")
    files = [str(TESTS / name) for name in SHORT] if asked.short else []
    all_passed = True
    chosen = asked.kernels or list(KERNELS)
    for kernel in chosen:
        passed, line = outcome(kernel, chosen, asked.jobs, files)
        all_passed &= passed
        print(f"{kernel:12} {line}", flush=True)
    return 0 if all_passed else 1


if __name__ == "__main__":
    sys.exit(main())
