"""What `sightline cloud demo` shows: rendered pictures, a model server of its own, a pretended gateway; nothing is real."""
