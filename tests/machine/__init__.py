"""A machine that drives buyers, workshops, desk, clock and gateway in any order, and looks after each step."""
