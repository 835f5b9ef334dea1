"""``medviz completion``: shell completion made from the commands' own parsers."""

import argparse

from medviz.commands import COMMANDS
from medviz.commands.command import Command, Said


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])


def _run(options: argparse.Namespace) -> Said:
    made = {"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell](_words())
    return Said({"shell": options.shell, "script": made}, made)


def _words() -> dict[str, list[str]]:
    words = {}
    for name in COMMANDS:
        actions = COMMANDS[name].parser()._actions
        flags = [flag for action in actions for flag in action.option_strings if flag.startswith("--")]
        choices = [str(c) for action in actions if not action.option_strings for c in action.choices or ()]
        words[name] = choices + flags
    return words


def _bash(words: dict[str, list[str]]) -> str:
    cases = "\n".join(f"    {name}) words='{' '.join(inner)}' ;;" for name, inner in words.items())
    return f"""_medviz() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words=''
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words='{" ".join(words)}'; fi
  COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
}}
complete -o filenames -F _medviz medviz"""


def _zsh(words: dict[str, list[str]]) -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash(words)}"


def _fish(words: dict[str, list[str]]) -> str:
    first = "__fish_use_subcommand"
    lines = [f"complete -c medviz -n {first} -a '{name}' -d '{COMMANDS.entries[name].summary}'" for name in words]
    for name, inner in words.items():
        seen = f"'__fish_seen_subcommand_from {name}'"
        lines += [
            f"complete -c medviz -n {seen} -l {word[2:]}"
            if word.startswith("--")
            else f"complete -c medviz -n {seen} -a {word}"
            for word in inner
        ]
    return "\n".join(lines)


COMMAND = Command(
    "completion",
    "shell completion for bash, zsh and fish",
    "medviz completion bash > ~/.local/share/bash-completion/completions/medviz",
    _arguments,
    _run,
)
