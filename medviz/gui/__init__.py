"""The window: a thin skin over the rooms below; the only room that knows Qt."""
