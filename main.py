"""`python -m main`: how the marketplace's install test starts every plugin (dify-marketplace-toolkit, validator/test-plugin-install.py).

Enters and leaves: what `plugin_entry.main` says. Dify's daemon starts that one, by the manifest.
"""

from plugin_entry.main import main

if __name__ == "__main__":
    main()
