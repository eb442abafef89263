"""scalargrad: write scalars, see every scalar, at array speed.

>>> import scalargrad as sg
>>> x = sg.Value(0.5, label="x")
>>> y = sg.tanh(x * 2)
>>> y.backward()
>>> print(f"{x.grad:.6f}")
0.839949
"""

from math import inf, nan

from .engine import Constant, Parameter, Value, backward
from .functions import FUNCTIONS, log_softmax, softmax
from .modes import enable_grad, no_grad

globals().update(FUNCTIONS)
