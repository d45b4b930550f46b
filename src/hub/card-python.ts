// How a model card says to use its models from Python. A test takes these lines out of a card and
// runs them.

import type { Task } from '../base/config.ts';
import type { Usage } from './card-usage.ts';

/** ONNX Runtime, with nothing else of a model's library. */
export function onnxRuntimePython(usage: Usage): string {
  const { id, file, text, task } = usage;
  return `\
import numpy as np
import onnxruntime as ort
from huggingface_hub import snapshot_download
from tokenizers import Tokenizer

folder = snapshot_download("${id}", allow_patterns=["tokenizer.json", "${file}*"])
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
model = ort.InferenceSession(f"{folder}/${file}")

ids = tokenizer.encode("${text}").ids
${task === 'text-generation' ? loop(usage) : forward(task)}`;
}

function loop({ half }: Usage): string {
  return `\
inputs = {i.name: i for i in model.get_inputs()}
cache = {
    name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.${half ? 'float16' : 'float32'})
    for name, i in inputs.items()
    if name.startswith("past_key_values.")
}
step = ids
for _ in range(20):
    feeds = {
        "input_ids": np.array([step], np.int64),
        "attention_mask": np.ones((1, len(ids)), np.int64),
        **cache,
    }
    if "num_logits_to_keep" in inputs:
        feeds["num_logits_to_keep"] = np.array(1, np.int64)
    outputs = dict(zip([o.name for o in model.get_outputs()], model.run(None, feeds)))
    step = [int(outputs["logits"][0, -1].argmax())]
    ids += step
    cache = {name: outputs[name.replace("past_key_values", "present")] for name in cache}
print(tokenizer.decode(ids))`;
}

function forward(task: Task): string {
  const feeds = `\
feeds = {
    "input_ids": np.array([ids], np.int64),
    "attention_mask": np.ones((1, len(ids)), np.int64),
}`;
  return task === 'text-classification'
    ? `${feeds}
(logits,) = model.run(["logits"], feeds)
print(logits[0])  # one for each label`
    : `${feeds}
(states,) = model.run(["last_hidden_state"], feeds)
print(states.shape)  # (1, tokens, hidden size)`;
}
