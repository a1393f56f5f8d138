"""When a camera takes a picture for the cloud, and whether the picture is worth sending; no clock, no files."""
