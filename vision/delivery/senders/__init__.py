"""The senders, one file each."""
