"""Words for events: deterministic templates; language models join them behind one seam."""
