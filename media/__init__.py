"""Bytes in, bytes out: photo renditions, QR pictures, cards and tags, file storage. No tables."""
