"""Where all meets: ``medviz`` opens the window; ``medviz info|render|predict|train|...`` needs none."""

import sys

from medviz import __version__
from medviz.catalog import Catalog, Entry
from medviz.commands import COMMANDS
from medviz.commands.command import Said, as_json
from medviz.refused import Refused

_WINDOW: Catalog[object] = Catalog("face", "medviz.window", {"window": Entry("medviz.commands.window:COMMAND")})


def main(arguments: list[str] | None = None) -> int:
    """Run a command, or open the window with the files named; returns the exit code (0, 2 refused, 130 interrupted)."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--version"]:
        print(f"medviz {__version__}")
        return 0
    if words[:1] in (["--help"], ["-h"], ["help"]):
        print(_help())
        return 0
    try:
        return _run(words)
    except Refused as refusal:
        print(f"medviz: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("medviz: interrupted; what was done is saved.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _run(words: list[str]) -> int:
    named = bool(words) and words[0] in COMMANDS
    command = COMMANDS[words[0]] if named else _WINDOW["window"]
    options = command.parser().parse_args(words[1:] if named else words)  # type: ignore[attr-defined]
    said: Said = command.run(options)  # type: ignore[attr-defined]
    if options.json and said.document:
        print(as_json(said.document))
    elif said.text:
        print(said.text)
    return said.code


def _help() -> str:
    lines = [f"  {name:<12}{entry.summary}" for name, entry in COMMANDS.entries.items()]
    return "\n".join(
        [
            "medviz [FILE ...]          open the window",
            "medviz COMMAND [...]       do one thing without a window; 'medviz COMMAND --help' has an example",
            "",
            *lines,
            "",
            "For research and teaching, not for diagnosis.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
