#!/bin/sh
# The LDIF files of the golden topologies are what mk.py makes of the short-hand.
exec python3 -B "${abs_top_srcdir:-.}/tests/topology/golden/mk.py" --check
