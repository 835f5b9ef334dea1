"""The panes that show a scene."""
