"""MongoDB, which several hosts may share. Only this package imports PyMongo."""
