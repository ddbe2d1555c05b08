"""The demo station: imaginary, and says so. Its pictures were drawn for this project."""
