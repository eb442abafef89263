"""Names that other libraries use: an error says what has another name here."""

from collections.abc import Mapping

NN = {
    "AvgPool2d": "nn.AvgPool",
    "BatchNorm1d": "nn.BatchNorm",
    "Conv1d": "nn.Conv",
    "Conv2d": "nn.Conv",
    "CrossEntropyLoss": 'sg.losses.cross_entropy, or loss="cross_entropy" in sg.fit',
    "GRU": "nn.Recurrent(nn.GRUCell(…))",
    "LSTM": "nn.Recurrent(nn.LSTMCell(…))",
    "Linear": "nn.Layer(inputs, outputs, activation=None)",
    "MSELoss": 'sg.losses.mse, or loss="mse" in sg.fit',
    "MaxPool2d": "nn.MaxPool",
    "ModuleList": "a list, whose modules are found",
    "MultiheadAttention": "nn.Attention",
    "Parameter": "sg.Parameter",
    "RNN": "nn.Recurrent(nn.RNNCell(…))",
    "ReLU": 'activation="relu" of a layer, or sg.relu',
    "Sigmoid": 'activation="sigmoid" of a layer, or sg.sigmoid',
    "Softmax": "sg.softmax",
    "Tanh": 'activation="tanh" of a layer, or sg.tanh',
}
OPTIM = {
    "CosineAnnealingLR": "optim.CosineDecay",
    "ExponentialLR": "optim.ExponentialDecay",
    "StepLR": "optim.StepDecay",
    "lr_scheduler": "optim.schedules",
}
SCALARGRAD = {
    "Tensor": "sg.Value",
    "jacfwd": "sg.jacobian",
    "jacrev": "sg.jacobian",
    "tensor": "sg.Value, which is one number",
}
"""What PyTorch and JAX have in these modules, by its name there: what it is here."""


def no_attribute(module: str, name: str, here: Mapping[str, str]) -> AttributeError:
    """Return the error that a module has no such name, and what to write instead.

    Example:
        >>> no_attribute("scalargrad.nn", "Linear", NN)
        AttributeError("module 'scalargrad.nn' has no attribute 'Linear': \
write nn.Layer(inputs, outputs, activation=None)")
    """
    hint = f": write {here[name]}" if name in here else ""
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
