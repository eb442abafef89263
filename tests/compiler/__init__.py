"""Tests of the compiler: a compiled program says what eager code says, or refuses."""
