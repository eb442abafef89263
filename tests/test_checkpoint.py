"""Checkpoints come back to the bit, and nothing but a checkpoint is taken for one."""

import itertools
import json
import math
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from scalargrad import Parameter, nn
from scalargrad.checkpoint import load, load_model, save, save_model
from scalargrad.errors import CheckpointError
from scalargrad.nn import MLP

ARRAYS = {
    "weights.0": 0.1,
    "moments": [[1.0, -0.0], [math.inf, 5e-324]],
    "none": numpy.zeros((0, 3)),
    "steps": 7,
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(
        tmp_path / "a.checkpoint",
        ARRAYS,
        {"epoch": 3, "text": "héllo", "nested": {"list": [1, None, True]}},
    )


def file_of(header: Any, body: bytes = b"", text: bytes | None = None) -> bytes:
    """A file with a header of our own."""
    raw = json.dumps(header).encode() if text is None else text
    return len(raw).to_bytes(8, "little") + raw + body


def entry_of(**changes: Any) -> bytes:
    """A file without arrays whose entry is right but for some changes."""
    entry = {"checksum": crc32(b"{}"), "metadata": {}, "version": 1, **changes}
    return file_of({"__metadata__": {"scalargrad": json.dumps(entry)}})


def test_everything_comes_back_to_the_bit(saved: Path) -> None:
    loaded = load(saved)
    assert set(loaded.arrays) == set(ARRAYS)
    for name, numbers in ARRAYS.items():
        expected = numpy.asarray(numbers, dtype=numpy.float64)
        assert loaded.arrays[name].shape == expected.shape
        assert loaded.arrays[name].tobytes() == expected.tobytes()
        assert loaded.arrays[name].flags.writeable
    assert loaded.metadata == {"epoch": 3, "text": "héllo", "nested": {"list": [1, None, True]}}


def test_the_format_is_safetensors(saved: Path) -> None:
    raw = saved.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    (entry,) = header.pop("__metadata__").values()
    assert {name: (each["dtype"], each["shape"]) for name, each in header.items()} == {
        "weights.0": ("F64", []),
        "moments": ("F64", [2, 2]),
        "none": ("F64", [0, 3]),
        "steps": ("F64", []),
    }
    assert list(json.loads(entry)) == ["checksum", "metadata", "version"]
    read = load_file(saved)
    assert {name: array.tolist() for name, array in read.items()} == {
        name: numpy.asarray(numbers, dtype=float).tolist() for name, numbers in ARRAYS.items()
    }


def test_equal_contents_are_equal_files(tmp_path: Path, saved: Path) -> None:
    metadata = {"nested": {"list": [1, None, True]}, "text": "héllo", "epoch": 3}
    again = save(tmp_path / "b", dict(reversed(ARRAYS.items())), metadata)
    assert again.read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("dtype", ["?", "f2", "f4", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_numbers_of_other_types_are_read(tmp_path: Path, dtype: str) -> None:
    save_file({"a": numpy.array([[0, 1], [1, 0]], dtype=dtype)}, tmp_path / "a", {"format": "np"})
    loaded = load(tmp_path / "a")
    assert loaded.arrays["a"].dtype == numpy.float64
    assert loaded.arrays["a"].tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert loaded.metadata == {"format": "np"}


def test_a_type_without_a_counterpart_is_refused_by_name(tmp_path: Path) -> None:
    header = {"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}
    (tmp_path / "a").write_bytes(file_of(header, b"\0\0"))
    with pytest.raises(CheckpointError, match="'a' holds numbers of the type BF16"):
        load(tmp_path / "a")


def test_a_network_is_restored(tmp_path: Path) -> None:
    model, other = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=2)
    path = save(tmp_path / "model", model.state_dict())
    other.load_state_dict({name: array.item() for name, array in load(path).arrays.items()})
    assert other.state_dict() == model.state_dict()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.dictionaries(
        st.text(min_size=1).filter(str.isprintable),
        st.lists(st.floats(width=64), max_size=5),
        max_size=4,
    )
)
def test_any_names_and_numbers(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, list[float]]
) -> None:
    loaded = load(save(tmp_path_factory.mktemp("any") / "file", arrays))
    assert {name: array.tobytes() for name, array in loaded.arrays.items()} == {
        name: numpy.array(numbers, dtype=numpy.float64).tobytes()
        for name, numbers in arrays.items()
    }


def test_a_file_cut_anywhere_is_refused(saved: Path) -> None:
    raw = saved.read_bytes()
    for length in range(len(raw)):
        saved.write_bytes(raw[:length])
        with pytest.raises(CheckpointError, match="truncated or damaged"):
            load(saved)
    saved.write_bytes(raw + b"\0")
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        load(saved)


def test_a_bit_changed_anywhere_is_refused_or_changes_no_number(saved: Path) -> None:
    raw = saved.read_bytes()
    before = load(saved)
    expected = {name: array.tobytes() for name, array in before.arrays.items()}
    refused = 0
    # two bits of each byte, each bit equally often: the campaign changes many more
    for place, distance in itertools.product(range(len(raw)), (0, 4)):
        changed = bytearray(raw)
        changed[place] ^= 1 << (place + distance) % 8
        saved.write_bytes(changed)
        try:
            found = load(saved)
        except CheckpointError:
            refused += 1
            continue
        assert found.metadata == before.metadata
        assert {name: array.tobytes() for name, array in found.arrays.items()} == expected
    assert refused > 0.98 * 2 * len(raw)


def test_a_damaged_name_of_the_entry_does_not_hide_the_checksum(saved: Path) -> None:
    raw = saved.read_bytes().replace(b'"scalargrad"', b'"scalargrae"')
    saved.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="called 'scalargrae', not 'scalargrad'"):
        load(saved)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not a checkpoint"),
        (b"PK\x03\x04" + b"\0" * 40, "not a checkpoint"),
        ((2**63).to_bytes(8, "little") + b"{}", "not a checkpoint"),
        (file_of([]), "not a checkpoint"),
        (file_of(None), "not a checkpoint"),
        (file_of({}, text=b"{"), "not a checkpoint"),
        (file_of({}, text=b"\xff\xfe\xff"), "not a checkpoint"),
        (file_of({}, text=b"[" * 100_000), "not a checkpoint"),
        (file_of({"a": 3}), "not a checkpoint"),
        (
            file_of({"a": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}, b"\0" * 8),
            "not a",
        ),
        (
            file_of({"a": {"dtype": "F64", "shape": [1.0], "data_offsets": [0, 8]}}, b"\0" * 8),
            "not a",
        ),
        (
            file_of({"a": {"dtype": "F64", "shape": [2**61], "data_offsets": [0, 8]}}, b"\0" * 8),
            "not a",
        ),
        (
            file_of({"a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 16]}}, b"\0" * 8),
            "not a",
        ),
        (file_of({"a": {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}}), "not a"),
        (file_of({"__metadata__": {"scalargrad": "{"}}), "can't be read"),
        (file_of({"__metadata__": {"scalargrad": "[" * 100_000}}), "can't be read"),
        (file_of({"__metadata__": {"scalargrad": "[]"}}), "must have the keys"),
        (entry_of(extra=1), "must have the keys"),
        (entry_of(metadata=[]), "must have the keys"),
        (entry_of(version=2), "has version 2"),
        (entry_of(version="__import__('os')"), "has version"),
        (entry_of(checksum=1), "checksum"),
        (entry_of(checksum=None), "checksum"),
    ],
)
def test_hostile_files_are_refused_with_the_reason(tmp_path: Path, raw: bytes, reason: str) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=reason):
        load(path)


def test_an_entry_without_arrays_is_right(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(entry_of())
    assert load(tmp_path / "a").metadata == {}


@pytest.mark.parametrize(
    ("arrays", "metadata", "reason"),
    [
        ({"a": "text"}, {}, "'a' must be numbers"),
        ({"a": None}, {}, "'a' must be numbers"),
        ({"a": 1j}, {}, "'a' must be numbers"),
        ({"": 1.0}, {}, "printable text"),
        ({"a\n": 1.0}, {}, "printable text"),
        ({3: 1.0}, {}, "printable text"),
        ({"__metadata__": 1.0}, {}, "printable text"),
        ({"a": [[1.0], [1.0, 2.0]]}, {}, "array of numbers"),
        ({"a": 1.0}, {"f": print}, "JSON"),
        ({"a": 1.0}, {"x": math.nan}, "JSON"),
    ],
)
def test_what_can_not_be_stored_leaves_the_old_file(
    saved: Path, arrays: Any, metadata: Any, reason: str
) -> None:
    before = saved.read_bytes()
    with pytest.raises(CheckpointError, match=reason):
        save(saved, arrays, metadata)
    assert saved.read_bytes() == before


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")


def test_a_checkpoint_may_hold_metadata_alone(tmp_path: Path) -> None:
    loaded = load(save(tmp_path / "a", {}, {"epoch": 3}))
    assert (loaded.arrays, loaded.metadata) == ({}, {"epoch": 3})


def test_keys_that_are_numbers_become_text_in_any_order(tmp_path: Path) -> None:
    loaded = load(save(tmp_path / "a", {}, {"losses": {9: 0.5, 10: 0.25}}))
    assert loaded.metadata == {"losses": {"9": 0.5, "10": 0.25}}


# Models


def every_layer() -> nn.Sequential:
    """A network with every layer that PyTorch has, too."""
    return nn.Sequential(
        nn.Conv(2, 3, (2, 1), activation=None, seed=1),
        nn.Flatten(),
        nn.Layer(6, 4, activation=None, seed=2),
        nn.LayerNorm(4),
        nn.BatchNorm(4),
        nn.PReLU(),
        nn.Layer(4, 2, activation=None, seed=3),
    )


def test_a_model_comes_back_to_the_bit(tmp_path: Path) -> None:
    model, other = every_layer(), every_layer()
    for i, leaf in enumerate([*model.named_parameters(), *model.named_buffers()]):
        leaf[1].data = 0.1 * i + 0.5
    load_model(other, save_model(model, tmp_path / "a"))
    assert other.state_dict() == model.state_dict()


def test_arrays_are_named_and_shaped_as_in_pytorch(tmp_path: Path) -> None:
    arrays = load(save_model(every_layer(), tmp_path / "a")).arrays
    assert {name: array.shape for name, array in arrays.items()} == {
        "steps.0.weight": (3, 2, 2, 1),
        "steps.0.bias": (3,),
        "steps.2.weight": (4, 6),
        "steps.2.bias": (4,),
        "steps.3.weight": (4,),
        "steps.3.bias": (4,),
        "steps.4.weight": (4,),
        "steps.4.bias": (4,),
        "steps.4.running_mean": (4,),
        "steps.4.running_var": (4,),
        "steps.5.weight": (1,),
        "steps.6.weight": (2, 4),
        "steps.6.bias": (2,),
    }


class Net(nn.Module):
    """A network with a number that belongs to no layer."""

    def __init__(self) -> None:
        self.layer = nn.Layer(2, 1)
        self.gain = Parameter(2.0)


def test_numbers_outside_of_layers_keep_their_names(tmp_path: Path) -> None:
    arrays = load(save_model(Net(), tmp_path / "a")).arrays
    assert {name: array.shape for name, array in arrays.items()} == {
        "layer.weight": (1, 2),
        "layer.bias": (1,),
        "gain": (),
    }


def test_shared_numbers_are_stored_once(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Layer(2, 2, seed=1), nn.Layer(2, 2, seed=2))
    model.steps[1].neurons[0] = model.steps[0].neurons[0]
    arrays = load(save_model(model, tmp_path / "a")).arrays
    assert sum(array.size for array in arrays.values()) == len(model.state_dict()) == 9
    assert arrays["steps.1.neurons.1.bias"].shape == ()
    before = model.state_dict()
    for parameter in model.parameters():
        parameter.data = 7.0
    load_model(model, tmp_path / "a")
    assert model.state_dict() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("layer.bias"), "has no 'layer.bias'"),
        (lambda a: a.update(more=numpy.zeros(2)), "has 'more', which the model lacks"),
        (lambda a: a.update({"layer.bias": numpy.zeros(2)}), r"has the shape \(2,\)"),
        (lambda a: a.update({"layer.weight": numpy.zeros((2, 1))}), r"but \(1, 2\) in the model"),
    ],
)
def test_a_file_of_another_model_changes_nothing(tmp_path: Path, change: Any, reason: str) -> None:
    model = Net()
    arrays = dict(load(save_model(Net(), tmp_path / "a")).arrays)
    arrays["gain"] = numpy.asarray(5.0)
    change(arrays)
    before = model.state_dict()
    with pytest.raises(CheckpointError, match=reason):
        load_model(model, save(tmp_path / "b", arrays))
    assert model.state_dict() == before


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    model = nn.Layer(1, 1)
    model.weight = Parameter(1.0)
    with pytest.raises(CheckpointError, match="two arrays of the model are called 'weight'"):
        save_model(model, tmp_path / "a")


def test_pytorch_reads_what_is_written_here_and_computes_the_same(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file as load_tensors

    class Theirs(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            layers = [torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)]
            self.layers = torch.nn.ModuleList(layers)

        def forward(self, x: Any) -> Any:
            return self.layers[1](torch.tanh(self.layers[0](x)))

    ours = MLP(2, [3, 1], activation="tanh", seed=4)
    theirs = Theirs().double()
    theirs.load_state_dict(load_tensors(save_model(ours, tmp_path / "a")))
    x = [0.3, -1.5]
    assert theirs(torch.tensor(x, dtype=torch.float64)).item() == pytest.approx(
        ours(x).data, rel=1e-14
    )


def test_what_pytorch_writes_is_read_here(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_model as save_theirs

    theirs = torch.nn.ModuleDict()
    theirs["steps"] = torch.nn.ModuleList(
        [
            torch.nn.Conv2d(2, 3, (2, 1)),
            torch.nn.Flatten(0),
            torch.nn.Linear(6, 4),
            torch.nn.LayerNorm(4),
            torch.nn.BatchNorm1d(4),
            torch.nn.PReLU(),
            torch.nn.Linear(4, 2),
        ]
    )
    theirs = theirs.double()
    save_theirs(theirs, str(tmp_path / "a"))
    ours = every_layer()
    load_model(ours, tmp_path / "a")
    steps = theirs["steps"]
    assert ours.steps[0].filters[2].weights[3].data == steps[0].weight[2, 1, 1, 0].item()
    assert ours.steps[2].neurons[3].weights[5].data == steps[2].weight[3, 5].item()
    assert ours.steps[6].neurons[1].bias.data == steps[6].bias[1].item()
    image = [[[0.1, 0.2], [0.3, -0.4]], [[1.0, 2.0], [-1.0, 0.5]]]
    convolved = torch.tensor(image, dtype=torch.float64)
    for step in (steps[0], steps[1], steps[2], steps[3]):
        convolved = step(convolved)
    values: Any = image
    for step in ours.steps[:4]:
        values = step(values)
    assert [value.data for value in values] == pytest.approx(convolved.tolist(), rel=1e-5)
