"""The callables of the rooms below by name, imported when they are first called (torch takes seconds)."""

from typing import Any

from medviz.catalog import Catalog, Entry

ENGINE: Catalog[Any] = Catalog(
    "callable",
    "medviz.engine",
    {
        "read": Entry("medviz.imaging.readers:read"),
        "series_of": Entry("medviz.imaging.readers:series_of"),
        "pictures_of": Entry("medviz.imaging.readers:pictures_of"),
        "read_series": Entry("medviz.imaging.readers:read_series"),
        "read_over": Entry("medviz.imaging.readers:read_over"),
        "read_form": Entry("medviz.imaging.readers:read_form"),
        "regular_grid": Entry("medviz.imaging.regular:regular_grid"),
        "probe_case": Entry("medviz.training.retelling:probe_case"),
        "describe": Entry("medviz.imaging.readers:describe"),
        "write": Entry("medviz.imaging.readers:write"),
        "train": Entry("medviz.training.trainer:train"),
        "plan": Entry("medviz.training.plan:plan"),
        "preflight": Entry("medviz.training.preflight:preflight"),
        "find_rate": Entry("medviz.training.rates:find_rate"),
        "overfit": Entry("medviz.training.by_heart:overfit"),
        "load_task": Entry("medviz.training.run:load_task"),
        "attach": Entry("medviz.training.run:attach"),
        "predict": Entry("medviz.training.inference:predict"),
        "models": Entry("medviz.training.models:models"),
        "trust": Entry("medviz.training.models:trust_of"),
        "prediction": Entry("medviz.training.inference:prediction"),
        "wishes": Entry("medviz.training.inference:Wishes"),
        "look_at_model": Entry("medviz.training.known:look"),
        "add_model": Entry("medviz.training.known:add"),
        "tell_of_model": Entry("medviz.training.known:tell"),
        "forget_model": Entry("medviz.training.shelf:forget"),
        "added_models": Entry("medviz.training.shelf:listed"),
        "export": Entry("medviz.imaging.writers:export"),
        "export_model": Entry("medviz.training.exporting:export"),
        "targets": Entry("medviz.training.exporting:TARGETS"),
        "film": Entry("medviz.imaging.writers.film:write_film"),
        "can_mp4": Entry("medviz.imaging.writers.film:can_mp4"),
        "check": Entry("medviz.imaging.privacy:check"),
        "share": Entry("medviz.imaging.writers.clean:share"),
        "studio": Entry("medviz.imaging.rendering.studio:Studio"),
        "turning": Entry("medviz.imaging.rendering.turning:turning"),
    },
)
