"""What Ollama sends to a model: its Modelfile, its Go templates, its way of laying out a conversation."""
