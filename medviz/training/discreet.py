"""What goes wrong is told with the file to who watches, and without it to the log: a file's name may be a patient's."""

import re
from dataclasses import replace

from medviz.messages import Message, Note

_ENDINGS = (
    "nii|gz|mha|mhd|nrrd|nhdr|dcm|dicom|png|jpe?g|bmp|gif|tiff?|npy|npz|h5|hdf5|img|hdr|csv|tsv|json|xml|txt|pt|toml"
)
_CLAUSE = re.compile(
    rf"[^:;()“”]*(?:[/\\][^:;()“”]*|\.(?:{_ENDINGS})\b[^:;()“”]*)",
    re.IGNORECASE,
)
"""A clause that names a path or a file, up to the next colon, semicolon or bracket: names may have blanks in them."""


def discreet(message: Message) -> Message:
    """Return a warning or an error with every clause that names a file replaced; all else as it is."""
    if not isinstance(message, Note) or message.level not in ("warning", "error"):
        return message
    return replace(message, text=unnamed(message.text), remedy=unnamed(message.remedy))


def unnamed(text: str) -> str:
    """Replace what may be the name of a file: "/scans/Roe.nii.gz: it is damaged" becomes "a file: it is damaged"."""
    return _CLAUSE.sub(lambda found: f"{_lead(found[0])}a file", text)


def _lead(clause: str) -> str:
    """The blank that stood before the clause."""
    return clause[: len(clause) - len(clause.lstrip())]
