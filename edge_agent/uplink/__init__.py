"""The way up to the cloud: pictures prepared, kept on disk until the network is there, and uploaded."""
