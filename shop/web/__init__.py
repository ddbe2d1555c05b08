"""The frame that all pages share: rendering, the guard, error answers, layout, styles, scripts."""
