"""The demo's tiny multimodal model: rendered crops, tokenizer, network, training, export to GGUF, measuring.

Needs packages of its own (see ``requirements.txt``); nothing here is part of the installed program.
"""
