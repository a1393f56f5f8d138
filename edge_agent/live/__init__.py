"""The live edge agent: what `sightline run` runs. Start reading at `agent.py`."""
