"""Runs a GGUF file in llama.cpp: called with the interpreter of CURATOR_LLAMACPP, which has the package xllamacpp.

Reads {"model", "adapter", "prompts", "tokens"} from standard input and writes what it answered greedily as a JSON list:
{"text", "ids", "prompt_tokens"} of each prompt.
"""

import contextlib
import json
import os
import sys

import xllamacpp

asked = json.load(sys.stdin)
out = os.dup(1)
os.dup2(2, 1)  # llama.cpp talks on standard output
params = xllamacpp.CommonParams()
params.model.path = asked["model"]
params.n_ctx, params.n_parallel, params.n_gpu_layers, params.warmup = 512, 1, 0, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
params.verbosity = 0
with contextlib.suppress(AttributeError):
    params.fit_params = False
if asked.get("adapter"):
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(asked["adapter"], 1.0)]
server = xllamacpp.Server(params)
texts = []
for prompt in asked["prompts"]:
    said = server.handle_completions({"prompt": prompt, "max_tokens": asked["tokens"], "temperature": 0.0, "top_k": 1,
                                      "cache_prompt": False, "logprobs": 1})  # fmt: skip
    first = said["choices"][0]
    ids = [token["id"] for token in first["logprobs"]["content"]]
    texts.append({"text": first["text"], "ids": ids, "prompt_tokens": said["usage"]["prompt_tokens"]})
os.write(out, json.dumps(texts).encode())
os.close(out)
os._exit(0)
