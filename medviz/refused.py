"""What a person is told when an input cannot be used."""


class Refused(Exception):
    """An input was refused: one sentence that names the thing, the fault and the remedy.

    The window shows it as a notice, the command line prints it and exits with 2. Nothing was written.
    """

    def __init__(self, thing: object, fault: str, remedy: str = "") -> None:
        self.thing = _on_one_line(str(thing))
        self.fault = fault
        self.remedy = remedy
        super().__init__(f"{self.thing}: {fault}" + (f"; {remedy}" if remedy else "") + ".")


def _on_one_line(text: str, longest: int = 160) -> str:
    """Keep the beginning and the end of what is too long for a sentence, and break no line."""
    text = text.replace("\n", " ").replace("\r", " ")
    return text if len(text) <= longest else f"{text[: longest // 2]} … {text[-longest // 2 :]}"
