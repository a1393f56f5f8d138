"""The backends of language models, one file each."""
