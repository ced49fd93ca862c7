"""Runs tap-facebook against the address of a Graph server that is given as the first argument."""

import sys

from facebook_business.session import FacebookSession

FacebookSession.GRAPH = sys.argv.pop(1)

from tap_facebook import main  # noqa: E402  (it reads the address when it is loaded)

sys.exit(main())
