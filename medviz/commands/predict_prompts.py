"""``medviz predict --prompt``: a run that compares pictures with texts names a picture by what is typed."""

import argparse
from pathlib import Path

from medviz.commands.command import Said
from medviz.commands.predict_classes import predicted_classes
from medviz.refused import Refused
from medviz.training.using.prompting import prompted_model


def predicted_prompts(options: argparse.Namespace, source: Path) -> Said:
    """Share out probabilities among the prompts; words that were never learnt are told."""
    if not options.prompt:
        remedy = 'give what it may show: --prompt "a large ball" --prompt "a small ball"'
        raise Refused(options.model, "it compares pictures with texts, and no text is given", remedy)
    made, strange = prompted_model(options.model, options.prompt)
    said = predicted_classes(options, source, made)
    words = f"{said.text}\nnever learnt: {', '.join(strange)}" if strange else said.text
    return Said({**said.document, "unknown words": list(strange)}, words, code=said.code)
