"""The checks, one file each; a new file in this folder is found by itself. See `vision.inspect.check`."""
