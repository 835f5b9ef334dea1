"""``--auto``: the data are checked, and the task chooses its parameters for them, as the window's plan does."""

import argparse
import sys
from typing import Any

from medviz.commands.command import followed
from medviz.commands.wanted import as_set
from medviz.data.checking.checked import checked
from medviz.data.checking.report import rows_of
from medviz.refused import Refused
from medviz.training.before.proposing import proposal
from medviz.training.ranks import started


def automatic(task: Any, options: argparse.Namespace) -> Any:
    """Return the task with what suits its data where --auto asks for it; what --set says comes last.

    Refuses a data set in which the check finds an error.
    """
    if not options.auto:
        return task
    if started():
        remedy = "write the recipe on one machine first: medviz train ... --auto --dry-run"
        raise Refused("--auto", "what it proposes hangs on a trial, which differs between processes", remedy)
    quiet = options.quiet or options.json
    report = followed(checked(task.data, task.NAME, int(getattr(task, "dimensions", 0))), quiet)
    errors = [row for row in rows_of(report.problems) if row.problem.severity == "error"]
    if errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} other errors)" if len(errors) > 1 else ""
        raise Refused(
            first.where, f"{first.problem.sentence}{more}", "medviz check tells all; mend it, or leave it out"
        )
    made = followed(proposal(task, report.fingerprint), quiet)
    if not quiet:
        print("\n".join(made.lines), file=sys.stderr)
    return as_set(made.task, options)
