"""Text: splitting reasoning from answer, extraction and equality of answers. The only string surgery of the project."""

from azeotrope.models.text.splitting import Piece, Policy, Splitter, split

__all__ = ["Piece", "Policy", "Splitter", "split"]
