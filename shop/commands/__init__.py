"""The commands of `xiangbo`, each loaded when it is asked for: `serve` must not wait for the others."""
