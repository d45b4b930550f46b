"""Records a golden case: the outputs of transformers for prompts, next to a checkpoint.

    python golden/record.py CHECKPOINT CASE [--text FILE] [--note NOTE]

CHECKPOINT is a folder or a Hub id; CASE is the folder to write. The checkpoint's files are copied
there, with case.json and golden.safetensors:

    <prompt>/input_ids, <prompt>/attention_mask    int64 [batch, sequence]
    <prompt>/logits or <prompt>/last_hidden_state  float32
    <prompt>/greedy                                int64, the greedy continuation, nothing stops it

Prompts are the lines of --text, or token ids from a fixed seed: one longer than two windows, short
ones, and batches padded on the left and on the right. Everything is computed in float32 on the CPU
by the version of transformers that TRANSFORMERS names; another version is refused, because the
outputs it computes are not the ones this project promises.

Install: pip install torch transformers==5.18.0 safetensors
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoTokenizer,
    ModernBertDecoderForCausalLM,
    ModernBertDecoderForSequenceClassification,
    ModernBertDecoderModel,
)

TRANSFORMERS = "5.18.0"
CLASSES = {
    "text-generation": ModernBertDecoderForCausalLM,
    "text-classification": ModernBertDecoderForSequenceClassification,
    "feature-extraction": ModernBertDecoderModel,
}
GREEDY_TOKENS = 24
LARGEST_GOLDEN = 8_000_000  # bytes of outputs; longer prompts keep their last positions


def main() -> None:
    arguments = parse_arguments()
    if transformers.__version__ != TRANSFORMERS:
        raise SystemExit(
            f"transformers {transformers.__version__} is installed, goldens are of {TRANSFORMERS}: "
            f"pip install transformers=={TRANSFORMERS}"
        )
    torch.manual_seed(0)
    source = folder_of(arguments.checkpoint)
    config = AutoConfig.from_pretrained(source)
    task = task_of(config)
    model = CLASSES[task].from_pretrained(source, dtype=torch.float32).eval()
    prompts = make_prompts(config, source, arguments.text)
    tensors = {}
    for name, (ids, mask) in prompts.items():
        tensors |= record(model, task, name, ids, mask)
    case = Path(arguments.case)
    case.mkdir(parents=True, exist_ok=True)
    copy_checkpoint(source, case)
    origin = f"transformers {transformers.__version__}, torch {torch.__version__}, float32, cpu"
    metadata = {"recorder": "golden/record.py", "origin": origin, "task": task}
    save_file(tensors, case / "golden.safetensors", metadata=metadata)
    note = {"task": task, "note": arguments.note, "origin": origin}
    (case / "case.json").write_text(json.dumps(note, indent=1) + "\n")
    print(f"{case}: {task}, {len(prompts)} prompts")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", help="a folder, or a Hub id")
    parser.add_argument("case", help="the folder to write")
    parser.add_argument("--text", type=Path, help="a file with one prompt a line")
    parser.add_argument("--note", default="", help="what the case is for")
    return parser.parse_args()


def folder_of(checkpoint: str) -> Path:
    if Path(checkpoint).is_dir():
        return Path(checkpoint)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(checkpoint))


def task_of(config) -> str:
    architecture = (config.architectures or ["ModernBertDecoderModel"])[0]
    for task, cls in CLASSES.items():
        if cls.__name__ == architecture:
            return task
    raise SystemExit(f"{architecture} is no architecture of ModernBertDecoder")


def make_prompts(config, source: Path, text: Path | None) -> dict:
    if text is not None:
        tokenizer = AutoTokenizer.from_pretrained(source)
        lines = [line for line in text.read_text(encoding="utf-8").splitlines() if line.strip()]
        rows = [tokenizer(line)["input_ids"] for line in lines]
    else:
        window = max(config.sliding_window, 4)
        lengths = [min(2 * window + 22, config.max_position_embeddings - GREEDY_TOKENS), 7, 1, 12]
        rows = [random_ids(config, length) for length in lengths]
    prompts = {f"row-{index}": batch([row]) for index, row in enumerate(rows)}
    if len(rows) > 1:
        pad = config.pad_token_id
        prompts["padded-left"] = batch(rows[:4], pad, left=True)
        prompts["padded-right"] = batch(rows[:4], pad, left=False)
    return prompts


def random_ids(config, length: int) -> list[int]:
    ids = torch.randint(0, config.vocab_size, (length,))
    ids[ids == config.pad_token_id] = (config.pad_token_id + 1) % config.vocab_size
    return ids.tolist()


def batch(rows: list[list[int]], pad: int = 0, left: bool = True) -> tuple:
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), pad)
    mask = torch.zeros(len(rows), length, dtype=torch.long)
    for index, row in enumerate(rows):
        columns = slice(length - len(row), length) if left else slice(0, len(row))
        ids[index, columns] = torch.tensor(row)
        mask[index, columns] = 1
    return ids, mask


@torch.no_grad()
def record(model, task: str, name: str, ids: torch.Tensor, mask: torch.Tensor) -> dict:
    tensors = {f"{name}/input_ids": ids, f"{name}/attention_mask": mask}
    outputs = model(input_ids=ids, attention_mask=mask)
    if task == "feature-extraction":
        return tensors | {f"{name}/last_hidden_state": last_positions(outputs.last_hidden_state)}
    if task == "text-classification":
        return tensors | {f"{name}/logits": outputs.logits.contiguous()}
    tensors[f"{name}/logits"] = last_positions(outputs.logits)
    if mask[:, -1].all():  # generation goes on behind the last column
        tensors[f"{name}/greedy"] = greedy(model, ids, mask)
    return tensors


def last_positions(outputs: torch.Tensor) -> torch.Tensor:
    position_bytes = outputs[:, :1].numel() * 4
    kept = max(1, LARGEST_GOLDEN // 4 // position_bytes)
    return outputs[:, -kept:].contiguous()


def greedy(model, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    settings = {"do_sample": False, "max_new_tokens": GREEDY_TOKENS, "eos_token_id": None}
    pad = model.config.pad_token_id
    return model.generate(input_ids=ids, attention_mask=mask, pad_token_id=pad, **settings)


def copy_checkpoint(source: Path, case: Path) -> None:
    wanted = ("*.json", "*.safetensors", "pytorch_model*.bin", "*.jinja", "vocab.txt", "merges.txt")
    for pattern in wanted:
        for file in source.glob(pattern):
            if file.resolve() != (case / file.name).resolve():
                shutil.copyfile(file, case / file.name)


if __name__ == "__main__":
    main()
