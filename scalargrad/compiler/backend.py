"""Backends: what a compiled program needs from the code that runs its kernels, and which exist."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, Protocol, TypeAlias

from scalargrad.core.checks import checked_int
from scalargrad.errors import OptionError
from scalargrad.utils.spelling import suggestion

from .array_types import Array
from .jax_backend import Devices, JaxBackend, identify_devices
from .kernels import Kernel
from .numpy_backend import NumpyBackend
from .optimizer_steps import StepRunner, UpdateRule
from .program import Program

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendMaker",
    "BackendName",
    "backend_maker",
    "choose_backend",
    "make_step_runner",
]

BackendName: TypeAlias = Literal["auto", "numpy", "jax", "native"]
"""What `compile` takes as `backend`: "auto", or a name of BACKENDS."""


class Backend(Protocol):
    """Runs the kernels of one program on batches.

    Nothing that a call computes is kept, so several threads may call at once. All methods take the
    arguments, one (batch, n) each, a number for each leaf that is read, and (batch, leaves) numbers
    drawn at random. The size of the batch is the length of `drawn`, which has a row for each sample
    even where nothing is drawn.

    Attributes:
        kernels: What is computed, in order.
        parameters: The numbers to compute with, to be changed in place.
    """

    kernels: list[Kernel]
    parameters: Array

    @property
    def has_phases(self) -> bool:
        """Whether a loop computes for all steps at once what depends on no carry."""

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array, bool]:
        """Return the mean of the first output, its gradient by the parameters, and the rest.

        The gradient is a new array. The rest are the other outputs, (batch, outputs - 1), which
        nobody reads where there are none. The last entry is whether loss and gradient are finite.
        """

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """Return what flows back to each argument when the outputs receive `seed`.

        `seed` is (batch, outputs).
        """

    def render(self, name: str) -> str:
        """Return the program as text: "outputs", or "loss" with its gradient."""

    def describe(self) -> str:
        """Return in a line how the kernels are computed; "" where that goes without saying."""

    @property
    def fallback_reason(self) -> str | None:
        """Why NumPy computes in the place of this backend; None where it does not."""

    def expect_batches(self, size: int) -> None:
        """Prepare for batches of a size. Others are computed, too."""


BackendMaker: TypeAlias = Callable[[Program, Sequence[int]], Backend]
"""Makes a backend from a program and the lengths of its arguments."""


def _make_native(program: Program, sizes: Sequence[int], threads: int = 1) -> Backend:
    try:
        from .native.backend import NativeBackend
        from .native.threads import ThreadedBackend
    except ImportError as error:
        if error.name != "llvmlite":
            raise
        message = 'backend="native" needs llvmlite: pip install "scalargrad-viz[native]"'
        raise OptionError(message) from None
    if threads > 1:
        return ThreadedBackend(program, sizes, threads)
    return NativeBackend(program, sizes)


BACKENDS: dict[str, BackendMaker] = {
    "numpy": NumpyBackend,
    "jax": JaxBackend,
    "native": _make_native,
}
"""Backends by name. What a backend needs beyond NumPy is imported when it is first used."""

_DEFAULT = "numpy"
"""What "auto" chooses."""


def choose_backend(name: object, option: str = "backend", others: str = "") -> str:
    """Return the name of the backend that is meant, one of BACKENDS.

    Args:
        name: Such a name, or "auto".
        option: What the user calls it, for errors.
        others: What else the option may be, for errors.

    Raises:
        OptionError: For anything else.

    Example:
        >>> choose_backend("auto"), choose_backend("jax")
        ('numpy', 'jax')
    """
    names = ["auto", *BACKENDS]
    if not isinstance(name, str) or name not in names:
        hint = suggestion(name, names, otherwise="")
        listed = ", ".join(map(repr, names))
        raise OptionError(f"{option} must be one of {others}{listed}, not {name!r}{hint}")
    return _DEFAULT if name == "auto" else name


def backend_maker(name: BackendName, devices: Devices = None) -> BackendMaker:
    """Return what makes the backend of that name, which shares batches out over the devices.

    Args:
        name: A name of BACKENDS, or "auto".
        devices: Devices of JAX, or their number; the number of threads of native code; None for
            one.

    Raises:
        OptionError: For another name, for devices that don't exist, and for devices of a backend
            that has none.
    """
    chosen = choose_backend(name)
    if devices is None:
        return BACKENDS[chosen]
    if chosen == "native":
        return partial(_make_native, threads=checked_int(devices, "devices", 1))
    if chosen != "jax":
        raise OptionError(
            'devices are those of JAX, or threads of native code: give backend="jax" or "native", '
            f"not {name!r}"
        )
    return partial(JaxBackend, devices=identify_devices(devices))


def make_step_runner(backend: Backend, rule: UpdateRule, batch_size: int) -> StepRunner | None:
    """Return what makes many steps of an optimizer in one call.

    Args:
        backend: Computes the program.
        rule: The rule of the optimizer.
        batch_size: The size of most batches.

    Returns:
        It, or None where the backend, the program or the rule has no native code.
    """
    if type(backend) in (NumpyBackend, JaxBackend):
        return None
    from .native.epochs import make_native_runner

    return make_native_runner(backend, rule, batch_size)
