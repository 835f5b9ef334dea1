"""What the viewer can do, in the order of its tabs: one line a feature."""

from medviz.gui.viewer.comparing import Comparing
from medviz.gui.viewer.contrast import Contrast
from medviz.gui.viewer.editing import Editing
from medviz.gui.viewer.epochs import Epochs
from medviz.gui.viewer.exporting import Exporting
from medviz.gui.viewer.feature import Feature
from medviz.gui.viewer.fetching import Fetching
from medviz.gui.viewer.inside import Inside
from medviz.gui.viewer.looking import Looking
from medviz.gui.viewer.measuring import Measuring
from medviz.gui.viewer.modelling import Modelling
from medviz.gui.viewer.placing import Placing
from medviz.gui.viewer.playing import Playing
from medviz.gui.viewer.privacy import Privacy
from medviz.gui.viewer.series_browser import SeriesBrowser
from medviz.gui.viewer.sessions import Sessions
from medviz.gui.viewer.thresholding import Thresholding
from medviz.gui.viewer.whole import Whole

FEATURES: tuple[type[Feature], ...] = (
    Modelling,
    Looking,
    Playing,
    Contrast,
    Measuring,
    Editing,
    Comparing,
    Thresholding,
    Epochs,
    Inside,
    SeriesBrowser,
    Placing,
    Fetching,
    Exporting,
    Sessions,
    Privacy,
    Whole,
)
