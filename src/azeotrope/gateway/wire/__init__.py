"""Dialects: one file each, from a client's bytes to a request and from events back to bytes."""
