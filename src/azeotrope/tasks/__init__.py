"""Tasks: one file each; it poses problems and grades answers."""
