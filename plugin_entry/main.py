"""The entrypoint that Dify's daemon starts: `python -m plugin_entry.main` in the plugin's directory.

`dify_plugin` comes first on purpose: its import patches the process for gevent.
"""

import gc

from dify_plugin import DifyPluginEnv, Plugin
from dify_plugin.config.config import InstallMethod

from plugin_entry import frames, sdk_serverless, workers

MAX_REQUEST_TIMEOUT_S = 600
GARBAGE_THRESHOLDS = (10_000, 20, 50)
"""A request makes thousands of small objects that reference counting frees; looking for cycles every 700 took a tenth of the time."""


def main() -> None:
    """Serves requests until the daemon ends the process."""
    settings = DifyPluginEnv(MAX_REQUEST_TIMEOUT=MAX_REQUEST_TIMEOUT_S)
    if settings.INSTALL_METHOD is InstallMethod.Local:
        frames.install(frames.own_stdout())
    elif settings.INSTALL_METHOD is InstallMethod.Serverless:
        sdk_serverless.install()
    workers.install()
    plugin = Plugin(settings)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    gc.freeze()  # what was imported lives as long as the process: looking through it again and again would be the largest single cost
    plugin.run()


if __name__ == "__main__":
    main()
