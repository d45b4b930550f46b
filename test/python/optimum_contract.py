"""What optimum's ORTModelFor… classes ask of a folder, without optimum: which file they take, what
they feed, and what they read. Their results are held against the golden's.
"""

import json

import numpy as np
import onnx

from model_files import models_in, open_session
from result import Skip, require

NUMPY_TYPES = {
    "tensor(int64)": np.int64,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}

# The tolerance of optimum's own tests.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}

# Without a cache every token costs as much as the whole text, so long ones are left out there.
QUICK = 100

OUTPUTS = {
    "text-generation": "logits",
    "text-classification": "logits",
    "feature-extraction": "last_hidden_state",
}


def chosen_file(folder):
    """Of several files anywhere below, the one called model.onnx."""
    found = sorted(folder.glob("**/*.onnx"))
    standard = [path for path in found if path.name == "model.onnx"]
    require(len(standard) == 1, f"{len(standard)} files are called model.onnx")
    return standard[0]


def check_files(folder, _golden):
    """From the Hub it fetches a model file and `…_data`, and no other."""
    chosen_file(folder)
    for path in models_in(folder):
        graph = onnx.load(str(path), load_external_data=False).graph
        entries = [entry for tensor in graph.initializer for entry in tensor.external_data]
        places = {entry.value for entry in entries if entry.key == "location"}
        require(places <= {f"{path.name}_data"}, f"{path.name} has its weights in {places}")
    return "model.onnx and its _data"


class OrtModel:
    """A session fed as optimum feeds it: what is declared, in the declared type, or an error."""

    def __init__(self, path, config):
        self.session = open_session(path)
        self.inputs = {each.name: each.type for each in self.session.get_inputs()}
        self.outputs = [each.name for each in self.session.get_outputs()]
        self.past = [name for name in self.inputs if ".key" in name or ".value" in name]
        self.present = [name for name in self.outputs if ".key" in name or ".value" in name]
        heads = config["num_attention_heads"]
        self.empty = (heads, 0, config["hidden_size"] // heads)

    def __call__(self, input_ids, attention_mask, past=None):
        batch = input_ids.shape[0]
        past = past or [np.zeros((batch, *self.empty), np.float32)] * len(self.past)
        given = {"input_ids": input_ids, "attention_mask": attention_mask}
        given.update(zip(self.past, past))
        missing = [name for name in self.inputs if name not in given]
        require(not missing, f"Input {', '.join(missing)} is required by model but not provided.")
        feeds = {name: given[name].astype(NUMPY_TYPES[kind]) for name, kind in self.inputs.items()}
        return dict(zip(self.outputs, self.session.run(None, feeds)))


def check_outputs(folder, golden):
    config = json.loads((folder / "config.json").read_text())
    model = OrtModel(chosen_file(folder), config)
    output = OUTPUTS[golden.task]
    require(output in model.outputs, f"there is no output {output}")
    for name, prompt in golden.prompts.items():
        mask = prompt["attention_mask"]
        found = model(prompt["input_ids"], mask)[output]
        expect_close(found, prompt[output], mask, name)
    if golden.task != "text-generation":
        require(not model.past, "a model without a past has inputs for one")
        return f"{output} of {len(golden.prompts)} prompts"
    require(len(model.past) == 2 * config["num_hidden_layers"], "a layer has no past")
    require(len(model.present) == len(model.past), "a past has no present")
    recorded = golden.recorded("greedy")
    for name, prompt in recorded.items():
        for use_cache in (True, False) if prompt["greedy"].shape[1] < QUICK else (True,):
            found = greedy(model, prompt, use_cache)
            require((found == prompt["greedy"]).all(), f"{name} goes on otherwise")
    return f"{output} of {len(golden.prompts)} prompts, {len(recorded)} continued"


def expect_close(found, expected, mask, name):
    """Outputs agree, at tokens that are no padding where there is one for each token."""
    require(found.shape[-1] == expected.shape[-1], f"{name} has the shape {found.shape}")
    if expected.ndim == 3:
        kept = expected.shape[1]
        real = mask[:, -kept:] == 1
        found, expected = found[:, -kept:][real], expected[real]
    worst = np.abs(found - expected).max()
    require(np.allclose(found, expected, **TOLERANCE), f"{name} is off by {worst}")


def greedy(model, prompt, use_cache):
    """Continues a left-padded batch as long as the recording goes; no token ends it."""
    ids, mask = prompt["input_ids"], prompt["attention_mask"]
    past = None
    while ids.shape[1] < prompt["greedy"].shape[1]:
        fed = ids if past is None else ids[:, -1:]
        outputs = model(fed, mask, past)
        if use_cache:
            past = [outputs[name] for name in model.present]
        following = outputs["logits"][:, -1].argmax(-1)[:, None]
        ids = np.concatenate([ids, following], axis=1)
        mask = np.concatenate([mask, np.ones_like(following)], axis=1)
    return ids


def check_settings(folder, golden):
    """The files that optimum leaves to transformers, which it stands on."""
    try:
        return read_settings(folder, golden)
    except ImportError as error:
        raise Skip(f"transformers is not whole: {error}") from error


def read_settings(folder, golden):
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder)
    require(config.model_type == "modernbert-decoder", f"model_type is {config.model_type}")
    read = ["AutoConfig"]
    if golden.task == "text-generation":
        generation = transformers.GenerationConfig.from_pretrained(folder)
        require(generation.eos_token_id == config.eos_token_id, "another token ends a text")
        read.append("GenerationConfig")
    if (folder / "tokenizer.json").exists():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        text = "ROMEO:\nBut soft"
        ids = tokenizer(text)["input_ids"]
        require(max(ids) < config.vocab_size, "a token is beyond the vocabulary")
        require(tokenizer.decode(ids, skip_special_tokens=True) == text, "text comes back changed")
        read.append("AutoTokenizer")
    return ", ".join(read)
