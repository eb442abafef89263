"""Data: small data sets, files of numbers, and their preparation for training.

X is an array of samples (n, features), y an array with one target for each. No function changes its
arguments. All randomness comes from an argument `seed`: an int, a `numpy.random.Generator` or a
`random.Random`. Equal ints give equal numbers; a generator continues from its state.

>>> from scalargrad import data
>>> X, y = data.moons(200, noise=0.1, seed=1)
>>> X_train, X_test, y_train, y_test = data.split(X, y, test=0.2, seed=1)
>>> scaler = data.StandardScaler().fit(X_train)
>>> for X_batch, y_batch in data.batches(scaler.transform(X_train), y_train, 50, seed=1):
...     print(X_batch.shape, y_batch.shape)
(50, 2) (50,)
(50, 2) (50,)
(50, 2) (50,)
(10, 2) (10,)
"""

from .augmentation import add_noise, flip, random_flip, random_shift, shift
from .generators import circles, moons, quadrants, spirals
from .logic import and_, comparator, nand, or_, parity, xor
from .reading import read_csv, read_mnist_csv
from .scaling import StandardScaler
from .sequences import pad_sequences
from .splitting import batches, epoch_order, one_hot, split

__all__ = [
    "StandardScaler",
    "add_noise",
    "and_",
    "batches",
    "circles",
    "comparator",
    "epoch_order",
    "flip",
    "moons",
    "nand",
    "one_hot",
    "or_",
    "pad_sequences",
    "parity",
    "quadrants",
    "random_flip",
    "random_shift",
    "read_csv",
    "read_mnist_csv",
    "shift",
    "spirals",
    "split",
    "xor",
]
