"""Figures, side by side: `make bench`. Nothing here decides whether a test passes."""
