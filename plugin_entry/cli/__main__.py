"""`python -m plugin_entry.cli`, the same as `dify-ollama`."""

import sys

from plugin_entry.cli import main

if __name__ == "__main__":
    sys.exit(main())
