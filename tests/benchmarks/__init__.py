"""Benchmarks of the project, each a module to run."""

import os

# The number of threads must be known before NumPy is imported.
os.environ.update(
    dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)
