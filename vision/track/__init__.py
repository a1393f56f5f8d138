"""Multi-object tracking of the ByteTrack family."""
