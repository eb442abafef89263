"""The calls of a user's functions that computed a Value, read from the frames of Python.

No profile or trace function is set: those are for debuggers and profilers, see every call of every
library, and must be undone on each way out of a function. The frames of the calls that are under
way are there anyway. They are looked at when a Value is made, so no scope is ever open: neither an
exception nor a generator can leave one behind.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from itertools import count
from opcode import opname
from threading import get_ident
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from scalargrad.utils.frames import is_user_file

from .scopes import CallScope, Scope
from .source_lines import CodePlace, function_name

if TYPE_CHECKING:
    from .value import Value

ON_TRACE: list[Callable[[], None]] = []
"""Functions that are called whenever calls begin to be traced."""
_RESUMABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_CALLS_OF_OBJECTS = ("__call__", "forward")
"""Methods that say no more than that their object is called."""
_RANKS = count(1)
"""The numbers of operations in the order in which they were computed, in all threads."""


class CallStack:
    """The calls inside of one scope, each with a scope that Values belong to.

    Frames that are there when it is made are outside of it. It reads frames of one thread only.

    Attributes:
        scope: The scope that the calls are in, None for none.

    Args:
        scope: The scope that the calls are in.
        code: The code that the scope itself is a call of: it does not get another one.
        places: The places in code that are known already.
    """

    def __init__(
        self,
        scope: Scope | None,
        code: CodeType | None = None,
        places: dict[tuple[int, int], CodePlace] | None = None,
    ) -> None:
        self.scope = scope
        self._code = code
        # Frames of our own code hold what is made here, and would close a reference cycle.
        around = filter(_is_users, _walk(sys._getframe(1)))
        self._outside = frozenset(around)
        self._thread = get_ident()
        self._calls: dict[FrameType, Scope | None] = {}
        self._places = {} if places is None else places
        for notify in ON_TRACE:
            notify()

    def inside(self, scope: Scope, code: CodeType | None = None) -> "CallStack":
        """Return the stack of the calls inside of another scope.

        Args:
            scope: The scope.
            code: The code that it is a call of, if any.
        """
        return CallStack(scope, code, self._places)

    def is_of_this_thread(self) -> bool:
        """Return whether it was made in the thread that asks."""
        return get_ident() == self._thread

    def place_node(self, node: "Value", frame: FrameType | None) -> None:
        """Tell a new Value the call that it belongs to, and the place that made it.

        Args:
            node: The Value.
            frame: A frame of the code that made it, or of what that code called.
        """
        user = _find_user_frame(frame)
        if user is not None:
            node.scope = self._scope_of(user)
            details = node._own_details()
            details.place = self._place(user)
            details.rank = next(_RANKS)

    def note_place(self, leaf: "Value", frame: FrameType | None) -> None:
        """Tell a leaf the place that made it.

        Args:
            leaf: The leaf.
            frame: A frame of the code that made it, or of what that code called.
        """
        user = _find_user_frame(frame)
        if user is not None:
            leaf._own_details().place = self._place(user)

    def current_scope(self) -> Scope | None:
        """Return the scope of the innermost call that is under way."""
        user = _find_user_frame(sys._getframe(1))
        return self.scope if user is None else self._scope_of(user)

    def _place(self, frame: FrameType) -> CodePlace:
        # A code object compares by its content, which takes longer. It is kept by its place, so
        # that no other one has its id.
        code = frame.f_code
        key = (id(code), frame.f_lasti)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = CodePlace(code, frame.f_lasti)
        return place

    def _scope_of(self, frame: FrameType) -> Scope | None:
        scope = self._calls.get(frame)
        if scope is not None and not frame.f_code.co_flags & _RESUMABLE:
            return scope
        return self._look_up(frame)

    def _look_up(self, frame: FrameType) -> Scope | None:
        """Return the scope of the innermost call that a frame is part of, made if it is new."""
        scope = self.scope
        calls: list[FrameType] = []
        for around in _walk(frame):
            if around in self._outside:
                break
            if not _is_call(around):
                continue
            known = self._calls.get(around)
            # A generator may be resumed from elsewhere.
            if known is not None and not around.f_code.co_flags & _RESUMABLE:
                scope = known
                break
            calls.append(around)

        for call in reversed(calls):
            known = self._calls.get(call)
            is_same = known is not None and known.parent is scope
            scope = known if is_same else self._open(call, scope)
        return scope

    def _open(self, frame: FrameType, parent: Scope | None) -> Scope | None:
        """Return a scope for a call that is new."""
        if not self.is_of_this_thread():
            return parent
        caller = _find_user_frame(frame.f_back)
        is_outermost = caller is None or caller in self._outside
        # A function that has the scope around it is not in another one, unless it calls itself.
        scope = parent
        if parent is None or not is_outermost or frame.f_code is not self._code:
            scope = self._make_scope(frame, parent, caller)
        self._forget_finished(frame)
        self._calls[frame] = scope
        return scope

    def _make_scope(
        self, frame: FrameType, parent: Scope | None, caller: FrameType | None
    ) -> CallScope:
        code = frame.f_code
        place = None if caller is None else self._place(caller)
        where = None if caller is None else (id(caller.f_code), caller.f_lasti)
        around = None if parent is None else parent.identity
        # Not zero, which is no identity.
        identity = hash((id(code), where, around)) or 1
        name = code.co_name
        kind = function_name(code)
        called = _find_self(frame, kind)
        # An object that is called is known by its class: a network has many functions "__call__".
        if called is not None and name in _CALLS_OF_OBJECTS:
            name = kind = type(called).__name__
        self_id = 0 if called is None else id(called)
        return CallScope(name, kind, parent, identity, place, self_id)

    def _forget_finished(self, frame: FrameType) -> None:
        """Let go of the frames of finished calls, which keep all of their variables."""
        running = set(_walk(frame))
        self._calls = {
            call: scope
            for call, scope in self._calls.items()
            if call in running or _is_suspended(call)
        }


def _walk(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those around it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _find_user_frame(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame of a user's own code, comprehensions and lambdas included."""
    while frame is not None and not _is_users(frame):
        frame = frame.f_back
    return frame


def _is_users(frame: FrameType) -> bool:
    return is_user_file(frame.f_code.co_filename)


def _is_call(frame: FrameType) -> bool:
    """Return whether a frame is a call of a function with a name, in a user's own code."""
    code = frame.f_code
    # The code of modules and of class bodies is not optimized.
    is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
    return bool(is_function) and _is_users(frame)


def _find_self(frame: FrameType, function: str) -> object | None:
    """Return the object whose method a frame is a call of, None for any other function.

    Args:
        frame: The frame.
        function: The name of the function, with the names of its classes.
    """
    code = frame.f_code
    if "." not in function or not code.co_argcount:
        return None
    class_name = function.split(".")[-2]
    first = frame.f_locals.get(code.co_varnames[0])
    # The first argument of a static method or a class method is no instance of the class.
    for base in type(first).__mro__:
        if base.__name__ == class_name:
            return first
    return None


def _is_suspended(frame: FrameType) -> bool:
    """Return whether a frame is that of a generator or a coroutine that waits to be resumed."""
    code = frame.f_code
    if not code.co_flags & _RESUMABLE:
        return False
    # Since Python 3.13 the instruction after the yield is the last one.
    return opname[code.co_code[frame.f_lasti]] in ("YIELD_VALUE", "RESUME")
