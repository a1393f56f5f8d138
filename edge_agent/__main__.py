"""`python -m edge_agent …` is `sightline …`."""

import sys

from edge_agent.cli import main

sys.exit(main())
