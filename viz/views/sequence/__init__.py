"""The sequence view: the calls of one recurrent cell, unrolled from left to right."""
