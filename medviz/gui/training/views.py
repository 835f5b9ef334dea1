"""What a run and the draft show beside the curves and at the side, in the order of the tabs: one line a view."""

from medviz.gui.training.bench import RunView
from medviz.gui.training.cases import Cases
from medviz.gui.training.hints import Hints
from medviz.gui.training.inside import Inside
from medviz.gui.training.log import Log
from medviz.gui.training.looking_back import NetworkSees, OnPatient
from medviz.gui.training.machine import Machine
from medviz.gui.training.probes import Probes
from medviz.gui.training.recipe import Recipe
from medviz.gui.training.samples import Samples

VIEWS: tuple[type[RunView], ...] = (Probes, Samples, OnPatient, NetworkSees, Inside, Cases)
"""Beside the curves."""
SIDE: tuple[type[RunView], ...] = (Recipe, Hints, Machine, Log)
"""At the side, behind the form."""
