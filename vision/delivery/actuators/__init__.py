"""What is switched in the world: valves, sirens, rejectors. One file a kind."""
