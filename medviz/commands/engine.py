"""The callables of the rooms below by name, imported when they are first called (torch takes seconds)."""

from typing import Any

from medviz.catalog import Catalog, Entry

ENGINE: Catalog[Any] = Catalog(
    "callable",
    "medviz.engine",
    {
        "read": Entry("medviz.imaging.readers:read"),
        "describe": Entry("medviz.imaging.readers:describe"),
        "write": Entry("medviz.imaging.readers:write"),
        "train": Entry("medviz.training.trainer:train"),
        "plan": Entry("medviz.training.plan:plan"),
        "load_task": Entry("medviz.training.run:load_task"),
        "attach": Entry("medviz.training.run:attach"),
        "predict": Entry("medviz.training.inference:predict"),
        "models": Entry("medviz.training.models:models"),
    },
)
