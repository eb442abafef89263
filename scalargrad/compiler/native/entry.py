"""The way from Python into machine code: functions that take arrays, and find their numbers.

To look up an address in Python takes longer than a small network. So a function here is one of
CPython itself, of the kind `METH_FASTCALL`, which gets its arguments as pointers to objects. An
array object has the address of its numbers behind the head that all objects have: NumPy promises
that to all extensions, where `PyArray_DATA` is a macro.
"""

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir

from .emitter import Emitter, compile_module

__all__ = ["MachineCode", "compile_function"]

_METH_FASTCALL = 0x80

_HEAD = object.__basicsize__
"""The bytes that each object begins with."""

_OBJECT = ir.IntType(8).as_pointer()


class MachineCode(NamedTuple):
    """A compiled function.

    Attributes:
        run: Takes an int and arrays, which must be contiguous and of the right sizes and types, and
            returns a float. Other threads run meanwhile.
        address: Where the function is that takes addresses, for other machine code to call. It is
            there as long as `run` is.
    """

    run: Callable[..., float]
    address: int


class _MethodDefinition(ctypes.Structure):
    """PyMethodDef, what CPython wants to know of a function."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_new_function = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
)(("PyCFunction_NewEx", ctypes.pythonapi))


def compile_function(emitter: Emitter, result: Any) -> MachineCode:
    """Return the function of an emitter, which returns `result`, as machine code."""
    emitter.builder.ret(result)
    _write_call(emitter)
    engine = compile_module(emitter.module)
    place = engine.get_function_address("call")
    definition = _MethodDefinition(b"run", place, _METH_FASTCALL, None)
    # The function holds its code and its definition, as what a method is bound to.
    owner = (engine, definition)
    run = _new_function(ctypes.addressof(definition), owner, None)
    return MachineCode(run, engine.get_function_address("run"))


def _write_call(emitter: Emitter) -> None:
    """Write `call(self, arguments, count)`, which calls the function of an emitter."""
    kind = ir.FunctionType(_OBJECT, [_OBJECT, _OBJECT.as_pointer(), emitter.integer])
    function = ir.Function(emitter.module, kind, "call")
    builder = ir.IRBuilder(function.append_basic_block())
    operands = []
    for number, argument in enumerate(emitter.function.args):
        given = builder.load(builder.gep(function.args[1], [emitter.index(number)]))
        if argument.type == emitter.integer:
            operands.append(_call_python(builder, "PyLong_AsSsize_t", emitter.integer, given))
        else:
            field = builder.gep(given, [emitter.index(_HEAD)])
            address = builder.load(builder.bitcast(field, argument.type.as_pointer()))
            operands.append(address)

    state = _call_python(builder, "PyEval_SaveThread", _OBJECT)
    number = builder.call(emitter.function, operands)
    _call_python(builder, "PyEval_RestoreThread", ir.VoidType(), state)
    builder.ret(_call_python(builder, "PyFloat_FromDouble", _OBJECT, number))


def _call_python(builder: ir.IRBuilder, name: str, result: Any, *operands: Any) -> Any:
    """Write a call of a function of CPython."""
    found = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p)
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    address = ir.Constant(ir.IntType(64), found.value)
    return builder.call(builder.inttoptr(address, kind.as_pointer()), operands)
