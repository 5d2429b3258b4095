"""What each command does and says; one module per group of commands."""
