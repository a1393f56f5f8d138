"""Works jobs off: asks, pays, stores one diagnosis per job; may be killed at any moment."""
