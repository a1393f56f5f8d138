"""What this machine can run, what is missing, and the exact fix; with a config, also every camera and receiver in it."""
