"""What a call of a model may change besides its parameters: buffers and random generators."""

from scalargrad.nn import Module


class Snapshot:
    """The buffers and the random generators of a model, as they were when it was taken.

    Args:
        model: The model.

    Example:
        >>> from scalargrad.nn import Dropout
        >>> layer = Dropout(0.5, seed=1)
        >>> snapshot = Snapshot(layer)
        >>> first = layer([1.0, 2.0, 3.0])
        >>> snapshot.restore()
        >>> [x.data for x in layer([1.0, 2.0, 3.0])] == [x.data for x in first]
        True
    """

    def __init__(self, model: Module) -> None:
        self._buffers = [buffer for _, buffer in model.named_buffers()]
        self._generators = [generator for _, generator in model.named_generators()]
        self.take()

    def take(self) -> None:
        """Save the present state."""
        self._buffer_data = [buffer.data for buffer in self._buffers]
        self._generator_states = [generator.getstate() for generator in self._generators]

    def restore(self) -> None:
        """Set the model back to the saved state."""
        for buffer, number in zip(self._buffers, self._buffer_data, strict=True):
            buffer.data = number
        for generator, state in zip(self._generators, self._generator_states, strict=True):
            generator.setstate(state)
