"""`python -m azeotrope`."""

from azeotrope.cli import main

main()
