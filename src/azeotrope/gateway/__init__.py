"""The gateway: `serve(defense(teacher))` over HTTP."""
