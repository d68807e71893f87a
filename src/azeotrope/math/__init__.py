"""Pure mathematics: no model, no file, no clock, no network."""
