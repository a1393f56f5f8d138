"""Is this part good: one picture of one part, checks on its regions, a verdict with reasons."""
