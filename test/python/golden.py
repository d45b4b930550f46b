"""Reads golden.safetensors: prompts, and what transformers computed for them."""

import json
from pathlib import Path

import numpy as np

DTYPES = {"I64": np.int64, "F32": np.float32}


class Golden:
    """A case: its task, and arrays of each prompt by name."""

    def __init__(self, task, prompts):
        self.task = task
        self.prompts = prompts

    def recorded(self, part):
        """Prompts with a part that not all have."""
        return {name: prompt for name, prompt in self.prompts.items() if part in prompt}


def read_golden(folder: Path) -> Golden:
    data = (folder / "golden.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    prompts = {}
    for key, entry in header.items():
        if key == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        array = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        name, part = key.rsplit("/", 1)
        prompts.setdefault(name, {})[part] = array
    return Golden(json.loads((folder / "case.json").read_text())["task"], prompts)
