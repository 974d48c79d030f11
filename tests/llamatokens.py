"""Tokenises in llama.cpp: called with the interpreter of CURATOR_LLAMACPP, which has the package xllamacpp.

Reads {"model", "texts"} from standard input and writes the token ids of each text as a JSON list.
"""

import contextlib
import json
import os
import sys
import urllib.request

import xllamacpp

asked = json.load(sys.stdin)
out = os.dup(1)
os.dup2(2, 1)  # llama.cpp talks on standard output
params = xllamacpp.CommonParams()
params.model.path = asked["model"]
params.n_ctx, params.n_parallel, params.n_gpu_layers, params.warmup, params.verbosity = 512, 1, 0, False, 0
with contextlib.suppress(AttributeError):
    params.fit_params = False
server = xllamacpp.Server(params)
found = []
for text in asked["texts"]:
    body = json.dumps({"content": text, "add_special": False, "parse_special": True}).encode()
    request = urllib.request.Request(f"{server.listening_address}/tokenize", body, {"Content-Type": "application/json"})
    found.append(json.load(urllib.request.urlopen(request))["tokens"])
os.write(out, json.dumps(found).encode())
os.close(out)
os._exit(0)
