"""`python -m demos.parallel`: a compiled network trained data-parallel over eight devices.

It is no part of the gallery, for it needs JAX: `pip install -e ".[jax]"`.

JAX shares out the work: the samples lie on all devices along one axis, the parameters on each
device, and what XLA makes of `jax.value_and_grad(program.pure)` adds the gradients up between
them. Where there are no eight devices, the processor plays them.
"""

import os

import numpy

import scalargrad
from scalargrad import Value
from scalargrad.compiler import Compiled
from scalargrad.data import StandardScaler, moons, one_hot
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP
from scalargrad.optim import l2

STEPS = 60
RATE = 1.0


def programs() -> tuple[Compiled, Compiled]:
    """Compile the same network and loss for JAX and for NumPy."""
    model = MLP(2, [16, 16, 2], "tanh", seed=1)

    def loss(x: list[Value], y: list[Value]) -> Value:
        total: Value = cross_entropy(model(x), y) + l2(model.parameters(), 1e-4)
        return total

    parallel = scalargrad.compile(loss, model, inputs=(2, 2), backend="jax")
    alone = scalargrad.compile(loss, model, inputs=(2, 2), backend="numpy")
    return parallel, alone


def main() -> None:
    """Train both for some steps, and compare them."""
    # XLA reads its flags when JAX is imported, so this comes first.
    os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
    try:
        import jax
        from jax.sharding import Mesh, NamedSharding, PartitionSpec
    except ImportError:
        raise SystemExit(
            'This demo needs JAX. Install it with:\n\n    pip install -e ".[jax]"\n'
        ) from None

    parallel, alone = programs()
    points, sides = moons(800, noise=0.15, seed=1)
    arrays = [StandardScaler().fit(points).transform(points), one_hot(sides, 2)]

    mesh = Mesh(numpy.array(jax.devices()), ("samples",))
    split = NamedSharding(mesh, PartitionSpec("samples"))
    replicated = NamedSharding(mesh, PartitionSpec())
    shared = [jax.device_put(array, split) for array in arrays]
    parameters = jax.device_put(parallel.parameters, replicated)
    value_and_grad = jax.jit(jax.value_and_grad(parallel.pure))

    lying = shared[0].sharding.shard_shape(shared[0].shape)
    print(f"{len(jax.devices())} devices, {lying[0]} of {len(points)} samples on each")
    furthest = 0.0
    for step in range(STEPS):
        loss, gradient = value_and_grad(parameters, *shared)
        expected, slopes = alone.value_and_grad(*arrays)
        parameters = parameters - RATE * gradient
        alone.parameters[:] -= RATE * slopes

        loss_difference = abs(float(loss) - expected)
        parameter_difference = float(abs(numpy.asarray(parameters) - alone.parameters).max())
        furthest = max(furthest, loss_difference, parameter_difference)
        if step % 10 == 0 or step == STEPS - 1:
            print(f"step {step:3}: loss {float(loss):.6f}")
    print(f"the parameters lie on {len(parameters.sharding.device_set)} devices")
    print(f"largest difference to one device with NumPy: {furthest:.2g}")


if __name__ == "__main__":
    main()
