"""Native code: a program as machine code, through LLVM.

Where a batch is large, the lanes of a vector are samples; where it is small, they are rows of a
kernel. The path of a program:

1. `backend`: `NativeBackend` compiles a function at its first call and calls it; `calls` has the
   memory that a call computes in. `threads` shares out batches.
2. `writer`: `FunctionWriter` writes a function, chunk by chunk of samples (`chunks`): inputs,
   kernels forward, outputs, kernels backward.
3. `storage`: where each number lies, and `Reader`, which loads and stores vectors of them. `sole`
   finds gradients that are set and not added up. `step_storage` is that of a step of a loop.
4. `kernels`: kernels as loops of instructions, forward and backward; `matrices` with blocks from
   `products`, `gathers` for look-ups, `loops`.
5. `rules`: the operations of the table as instructions; `functions`: exp, tanh and others of
   vectors.
6. `emitter`: `Emitter` adds instructions to a function; `entry` compiles it, and lets Python call
   it with arrays.
7. `epochs`: many steps of an optimizer in one call.

llvmlite is needed here, so this package is imported only where native code is wanted.
"""
