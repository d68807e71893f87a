"""Attacks: one file each; it makes a student out of a teacher."""
