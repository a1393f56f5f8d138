"""Sightline's library: frames in, events out.

The core (`frame`, `geometry`, `motion`, `detect`, `track`, `rules`, `events`, `pipeline`) has no input or output, no
threads and no clock of its own. Four rooms at the edge touch the outside: `media`, `language`, `zoo`, `delivery`.
"""
