"""MongoDB with its copy in the state folder: going on without it, and what it missed."""
