"""The whole from outside: surfaces, volume rendering and planes in 3-D, as numpy in and pictures out.

`studio.Studio` makes the pictures: VTK does it in a process of its own (`machine`), and where that cannot start, a
small ray caster in numpy (`rays`). Nothing here but `machine` imports VTK, and `machine` is never imported: it is run.
"""
