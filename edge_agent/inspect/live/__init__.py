"""A running line: triggers and readings in, a verdict for every part, events and outputs out."""
