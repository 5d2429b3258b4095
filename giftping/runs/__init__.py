"""One run of a job on this host: its lock, its state folder, and what is told to whom."""
