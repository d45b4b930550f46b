"""Holds converted folders against what Python's consumers of them do.

    python test/python/check_consumers.py FOLDER=GOLDEN …

GOLDEN is a folder with golden.safetensors, of the checkpoint that FOLDER was converted from. Needs
onnx, onnxruntime and numpy; more is checked where transformers, optimum or onnxruntime-genai can be
imported. One line for each check: `pass`, `skip` with a reason, or `FAIL` with one. Exits with 1
after a failure, and with 2 where a package that is needed is missing.
"""

import sys
from pathlib import Path

try:
    import numpy  # noqa: F401
    import onnx
    import onnxruntime
except ImportError as error:
    print(f"{sys.executable} cannot import {error.name}", file=sys.stderr)
    sys.exit(2)

import genai
import model_files
import optimum_contract
import optimum_models
from golden import read_golden
from result import Skip

CHECKS = (
    ("onnx.checker", model_files.check_models),
    ("onnxruntime", model_files.open_sessions),
    ("optimum's files", optimum_contract.check_files),
    ("optimum's calls", optimum_contract.check_outputs),
    ("transformers", optimum_contract.check_settings),
    ("optimum", optimum_models.check),
    ("onnxruntime-genai", genai.check),
)


def main(pairs):
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    failed = False
    for folder, golden in (pair.rsplit("=", 1) for pair in pairs):
        case = read_golden(Path(golden))
        for name, check in CHECKS:
            try:
                verdict = f"pass  {check(Path(folder), case)}"
            except Skip as reason:
                verdict = f"skip  {reason}"
            except Exception as error:  # a consumer may fail in any way
                failed = True
                verdict = f"FAIL  {type(error).__name__}: {error}".replace("\n", " ")
            print(f"{Path(folder).name}: {name}: {verdict}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
