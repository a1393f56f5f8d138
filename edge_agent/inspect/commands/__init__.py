"""The subcommands of `sightline inspect`, one file each; a file's `register(group)` adds its own."""
