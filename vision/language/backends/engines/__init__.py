"""Bindings to llama.cpp behind one inner seam, one file each."""
