"""Things that happen in the same moment, each beside a naive twin that shows what would be lost."""
