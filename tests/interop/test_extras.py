"""Other libraries are imported late, and an error says what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

from scalargrad.errors import MissingLibraryError
from scalargrad.interop.extras import require

OTHERS = ["torch", "sklearn", "sympy", "onnx"]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_nothing_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, scalargrad as sg\n"
        "sg.interop.to_torch, sg.interop.to_sympy, sg.interop.to_onnx\n"
        f"print([name for name in {OTHERS} if name in sys.modules])\n"
    )
    assert run(code) == "[]\n"


USES = {
    "torch": ("sg.interop.to_torch(model)", "this needs PyTorch: pip install torch"),
    "sklearn": ("sg.interop.MLPClassifier", 'pip install "scalargrad-viz[sklearn]"'),
    "sympy": ("sg.interop.to_sympy(model([0.5]))", 'pip install "scalargrad-viz[sympy]"'),
    "onnx": ("sg.interop.to_onnx(model)", 'pip install "scalargrad-viz[onnx]"'),
}


@pytest.mark.parametrize("library", USES)
def test_the_error_says_what_to_install(library: str) -> None:
    use, message = USES[library]
    code = (
        "import sys, scalargrad as sg\n"
        f"sys.modules[{library!r}] = None\n"
        "model = sg.nn.MLP(1, [1])\n"
        f"try:\n    {use}\nexcept sg.errors.MissingLibraryError as error:\n    print(error)\n"
    )
    assert message in run(code)


def test_a_library_that_is_broken_says_so_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_library.py").write_text("import its_own_need_that_is_missing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="its_own_need") as caught:
        require("broken_library", "Broken", "sympy")
    assert not isinstance(caught.value, MissingLibraryError)
