"""The one private element that medviz writes: which value of a label map a segment or a region came from.

DICOM numbers segments 1, 2, 3 without a gap; a map with the labels 5 and 12 would come back as 1 and 2.
"""

from pydicom import Dataset
from pydicom.errors import BytesLengthException

_GROUP, _CREATOR, _VALUE = 0x0063, "medviz label map", 0x01


def put_value(item: Dataset, value: int) -> None:
    """Write the label value into an item of a SegmentSequence or StructureSetROISequence."""
    item.private_block(_GROUP, _CREATOR, create=True).add_new(_VALUE, "UL", value)


def value_of(item: Dataset, otherwise: int) -> int:
    """Read it; `otherwise` where another program wrote the file."""
    try:
        value = int(item.private_block(_GROUP, _CREATOR)[_VALUE].value)
    except (KeyError, TypeError, ValueError, BytesLengthException):
        return otherwise
    return value if 0 < value <= 65535 else otherwise
