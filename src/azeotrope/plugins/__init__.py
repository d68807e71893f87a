"""Adapters: a shape inside another engine, one file an engine. Only these may break when an engine moves."""
