"""How a network is taught, kept and used. Knows no task by name."""
