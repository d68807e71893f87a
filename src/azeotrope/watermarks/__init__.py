"""One file, one watermark: a defense with a customer's key. Nothing lives here."""
