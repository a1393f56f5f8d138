"""The rules, one file each. A new file here is a new rule: see `base.py` for the seam, `vision/rulebook.py` for the rest."""
