"""The views that draw figures, and the board that lays them out."""
