"""Daily TODOs: who has handed one in, who is reminded, and what becomes of the role."""
