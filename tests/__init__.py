"""The tests; what is compiled of them is kept, or else each worker would rewrite all their assertions in each run."""

import sys

sys.dont_write_bytecode = False
