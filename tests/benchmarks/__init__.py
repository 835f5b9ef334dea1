"""Speed, measured: `make bench`. Not part of the test suite; a busy machine would make it lie."""
