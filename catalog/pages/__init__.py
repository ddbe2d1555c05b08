"""The pages of this package: handlers that translate between forms and functions, and no more."""
