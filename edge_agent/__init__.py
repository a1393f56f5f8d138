"""The camera-side application: sources, evidence, words, reports and the `sightline` command."""
