"""Names of other libraries: what an error proposes is there."""

import re
from types import ModuleType

import pytest

import scalargrad as sg
from scalargrad.utils.elsewhere import NN, OPTIM, SCALARGRAD

TABLES: list[tuple[ModuleType, dict[str, str]]] = [(sg, SCALARGRAD), (sg.nn, NN), (sg.optim, OPTIM)]
NAMES = [(module, name, here) for module, table in TABLES for name, here in table.items()]


@pytest.mark.parametrize(("module", "name", "here"), NAMES)
def test_a_name_of_another_library_leads_to_ours(module: ModuleType, name: str, here: str) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{name}': write {re.escape(here)}"):
        getattr(module, name)
    for path in re.findall(r"\b(?:sg|nn|optim)\.[\w.]+", here):
        found = sg
        for part in path.removeprefix("sg.").split("."):
            found = getattr(found, part)


@pytest.mark.parametrize("module", [module for module, _ in TABLES])
def test_any_other_name_is_only_missing(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'nowhere'$"):
        module.nowhere  # noqa: B018
    assert not hasattr(module, "_repr_html_")
