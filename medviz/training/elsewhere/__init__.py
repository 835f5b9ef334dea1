"""Where a run is when it is not here: in a process of its own, in a queue, on another machine, of another program."""
