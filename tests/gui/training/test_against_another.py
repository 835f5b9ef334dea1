"""What the window says of a run that was compared with another."""

from medviz.figures import Table
from medviz.gui.training.history import History
from medviz.gui.training.outcome import compared
from medviz.messages import Scalar


def test_the_card_at_the_end_tells_how_it_did_against_the_other_run() -> None:
    history = History()
    rows = (("validation 3", -0.1, 0.4, 0.5),)
    title = "Against plain: dice/mean 0.873 instead of 0.861: +0.012 (−0.003 to +0.027): no difference can be told"
    history.hear(
        [Scalar("validation/dice/mean", 5, 0.873), Table("results/validation", ("case",), (), "20 cases")], 1.0
    )
    assert compared(history) == ""
    history.hear([Table("results/against plain", ("case", "difference", "this run", "plain"), rows, title)], 2.0)
    assert compared(history) == title
    assert list(history.results) == ["validation", "against plain"], "the cases of the run itself are shown first"
