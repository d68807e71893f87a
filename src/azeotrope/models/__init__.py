"""Access to models: the only floor that talks to networks and accelerators."""
