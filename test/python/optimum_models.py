"""optimum itself, where it can be imported: its classes load the folder and give the golden's
outputs.
"""

from optimum_contract import OUTPUTS, expect_close
from result import Skip, require

CLASSES = {
    "text-generation": "ORTModelForCausalLM",
    "text-classification": "ORTModelForSequenceClassification",
    "feature-extraction": "ORTModelForFeatureExtraction",
}


def check(folder, golden):
    try:
        from optimum import onnxruntime as optimum

        import torch
    except ImportError as error:
        raise Skip(str(error)) from error
    model = getattr(optimum, CLASSES[golden.task]).from_pretrained(folder)
    for name, prompt in golden.prompts.items():
        ids, mask = (torch.from_numpy(prompt[part].copy()) for part in ("input_ids", "attention_mask"))
        found = model(input_ids=ids, attention_mask=mask)[OUTPUTS[golden.task]]
        expect_close(found.numpy(), prompt[OUTPUTS[golden.task]], prompt["attention_mask"], name)
        if "greedy" not in prompt:
            continue
        length = prompt["greedy"].shape[1]
        going_on = {"max_length": length, "do_sample": False, "eos_token_id": -1}
        found = model.generate(ids, attention_mask=mask, **going_on)
        require((found.numpy() == prompt["greedy"]).all(), f"{name} goes on otherwise")
    return f"{CLASSES[golden.task]}: {len(golden.prompts)} prompts"
