"""The entrypoint that Dify's daemon starts: `python -m plugin_entry.main` in the plugin's directory.

`dify_plugin` comes first on purpose: its import patches the process for gevent.
"""

import gc

from dify_plugin import DifyPluginEnv, Plugin
from dify_plugin.config.config import InstallMethod

from plugin_entry import frames

MAX_REQUEST_TIMEOUT_S = 600


def main() -> None:
    """Serves requests until the daemon ends the process."""
    settings = DifyPluginEnv(MAX_REQUEST_TIMEOUT=MAX_REQUEST_TIMEOUT_S)
    if settings.INSTALL_METHOD is InstallMethod.Local:
        frames.install(frames.own_stdout())
    plugin = Plugin(settings)
    gc.freeze()  # what was imported lives as long as the process: looking through it again and again would be the largest single cost
    plugin.run()


if __name__ == "__main__":
    main()
