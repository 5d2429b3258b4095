"""What the older bots left, and taking it over."""
