"""One file for each way in which detectors write their answer. A new file here is a new family: see `base.py`."""
