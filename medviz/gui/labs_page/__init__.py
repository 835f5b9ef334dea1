"""The pieces of the Labs page: what is played with, its input, the player, the shelf of labs, the stage."""
