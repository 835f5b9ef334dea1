"""Look into a network: layers, shapes, what each put out. Knows no architecture by name."""
