"""The command `greenloop-verify`, as `python -m greenloop_verify`."""

import sys

from greenloop_verify.verify import main

if __name__ == "__main__":
    sys.exit(main())
