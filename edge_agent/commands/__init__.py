"""The subcommands, one file each; a file's `register(app)` adds its own. See `edge_agent.cli`."""
