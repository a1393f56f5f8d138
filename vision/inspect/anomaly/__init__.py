"""Learning what good parts look like, and how far a part is from that; see `fit` and `model`."""
