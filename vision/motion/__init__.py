"""Luma-only motion: the gate that saves inferences, the static-foreground model, the state of the picture."""
