"""onnxruntime-genai, where it can be imported: it loads the folder by genai_config.json, and
continues a prompt as it was recorded.
"""

import numpy as np

from result import Skip, require


def check(folder, golden):
    if golden.task != "text-generation":
        raise Skip(f"it has no use for {golden.task}")
    try:
        import onnxruntime_genai
    except ImportError as error:
        raise Skip(str(error)) from error
    model = onnxruntime_genai.Model(str(folder))
    continued = 0
    for name, prompt in golden.recorded("greedy").items():
        expected = prompt["greedy"]
        if len(expected) > 1:
            continue  # its batches are padded on the other side
        params = onnxruntime_genai.GeneratorParams(model)
        params.set_search_options(max_length=expected.shape[1], do_sample=False)
        generator = onnxruntime_genai.Generator(model, params)
        generator.append_tokens(prompt["input_ids"].astype(np.int32))
        while not generator.is_done():
            generator.generate_next_token()
        found = generator.get_sequence(0)
        require(len(found) > prompt["input_ids"].shape[1], f"{name} does not go on")
        require((found == expected[0, : len(found)]).all(), f"{name} goes on otherwise")
        continued += 1
    return f"{continued} prompts continued"
