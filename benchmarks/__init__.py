"""Speed, measured: gateway, protector and ledger, beside a bare forwarder and LiteLLM. `make bench` runs all of it."""
