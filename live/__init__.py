"""Shows, line-ups, airings, links, scans and the live board."""
