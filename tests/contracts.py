"""A contract of our own for import-linter: the things of a catalog do not know each other."""

from importlib import import_module

from importlinter import Contract, ContractCheck, fields
from importlinter.contracts.independence import IndependenceContract


class CatalogContract(Contract):
    """`independence` of the modules that a catalog names ("medviz.labs:LABS").

    The catalog is the list, so that a new lab is one file and one line there, and none in pyproject.toml. Indirect
    paths count: what two labs share must know neither. `built_out_of` lists what is one thing built out of another on
    purpose ("a -> b"); such a line that is no longer true breaks the contract.
    """

    type_name = "catalog"
    catalog = fields.StringField()
    built_out_of = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph, verbose):  # type: ignore[no-untyped-def]
        if len(self._modules()) < 2:
            return ContractCheck(kept=True)
        return self._independence().check(graph, verbose)

    def render_broken_contract(self, check):  # type: ignore[no-untyped-def]
        self._independence().render_broken_contract(check)

    def _independence(self) -> IndependenceContract:
        allowed = list(self.built_out_of or [])
        options = {"modules": self._modules(), "ignore_imports": allowed}
        return IndependenceContract(self.name, self.session_options, options)

    def _modules(self) -> list[str]:
        where, _, name = str(self.catalog).partition(":")
        entries = getattr(import_module(where), name).entries.values()
        ours = {entry.where.partition(":")[0] for entry in entries}
        return sorted(module for module in ours if module.startswith("medviz."))
