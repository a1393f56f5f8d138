"""The scripts behind every published figure; `make bench` runs them all."""
