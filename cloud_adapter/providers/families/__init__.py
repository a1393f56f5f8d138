"""One file for each family of endpoints; a new file in this folder is found by itself."""
