"""Rendered CCTV scenes with exact ground truth: demo clips, and labelled pictures to train a small detector.

Run ``python -m tools.scenes --help`` from the root of the repository. Everything takes a seed; nothing here is part of
the installed program.
"""
