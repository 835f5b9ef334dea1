"""medviz: see and train deep learning on medical images (research and teaching, not for diagnosis)."""

__version__ = "0.1.0"
