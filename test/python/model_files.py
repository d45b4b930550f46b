"""Every model file of a folder, for onnx's own checker and for ONNX Runtime."""

import onnx
import onnxruntime

from result import require


def models_in(folder):
    paths = sorted((folder / "onnx").glob("*.onnx"))
    require(paths, "there is no model")
    return paths


def check_models(folder, _golden):
    """Types and shapes are inferred through the bodies of functions, and compared."""
    for path in models_in(folder):
        onnx.checker.check_model(str(path), full_check=True)
    return ", ".join(path.name for path in models_in(folder))


def open_session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def open_sessions(folder, _golden):
    for path in models_in(folder):
        open_session(path)
    return ", ".join(path.name for path in models_in(folder))
