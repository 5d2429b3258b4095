"""MongoDB with its mirror in the state folder: going on without it, and what it missed."""
