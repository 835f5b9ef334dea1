"""What a person is told when an input cannot be used."""


class Refused(Exception):
    """An input was refused: one sentence that names the thing, the fault and the remedy.

    The window shows it as a notice, the command line prints it and exits with 2. Nothing was written.
    """

    def __init__(self, thing: object, fault: str, remedy: str = "") -> None:
        self.thing = str(thing)
        self.fault = fault
        self.remedy = remedy
        super().__init__(f"{self.thing}: {fault}" + (f"; {remedy}" if remedy else "") + ".")
