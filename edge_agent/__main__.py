"""`python -m edge_agent …` is `sightline …`."""

from edge_agent.cli import main

main()
