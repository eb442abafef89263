"""`python -m demos.parallel`: a network trained data-parallel over eight devices.

It is no part of the gallery, for it needs JAX: `pip install -e ".[jax]"`.

JAX shares out the work: the samples of each batch lie on all devices along one axis, the parameters
on each device, and what XLA makes of the recorded loss adds the gradients up between them. Where
there are no eight devices, the processor plays them.
"""

import os
from functools import partial
from importlib.util import find_spec

from scalargrad.data import StandardScaler, moons
from scalargrad.nn import MLP
from scalargrad.optim import SGD, l2
from scalargrad.training import fit

DEVICES = 8
STEPS = 60
RATE = 1.0
SAMPLES = 796
"""They are not divisible by eight: the last device has fewer."""


def main() -> None:
    """Train on all devices and on one, and compare."""
    # XLA reads its flags when JAX is imported, so this comes first.
    os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count={DEVICES}")
    if find_spec("jax") is None:
        raise SystemExit('This demo needs JAX. Install it with:\n\n    pip install -e ".[jax]"\n')
    points, sides = moons(SAMPLES, noise=0.15, seed=1)
    inputs = StandardScaler().fit(points).transform(points)

    models = [MLP(2, [16, 16, 2], "tanh", seed=1) for _ in range(2)]
    parallel, alone = models
    train = partial(
        fit,
        X=inputs,
        y=sides.astype(int),
        loss="cross_entropy",
        epochs=STEPS,
        batch_size=None,
        penalty=lambda model: l2(model.parameters(), 1e-4),
        progress=False,
    )
    shared = train(
        parallel,
        optimizer=SGD(parallel.parameters(), RATE),
        compiled="jax",
        devices=DEVICES,
    )
    expected = train(alone, optimizer=SGD(alone.parameters(), RATE), compiled="numpy")

    share = -(-SAMPLES // DEVICES)
    print(f"{DEVICES} devices, at most {share} of {SAMPLES} samples on each")
    for step in (*range(0, STEPS, 10), STEPS - 1):
        print(f"step {step:3}: loss {shared.steps[step]:.6f}")

    pairs = [*zip(shared.steps, expected.steps, strict=True)]
    pairs += zip(parallel.state_dict().values(), alone.state_dict().values(), strict=True)
    furthest = max(abs(mine - other) for mine, other in pairs)
    print(f"largest difference to one device with NumPy: {furthest:.2g}")


if __name__ == "__main__":
    main()
