"""The entrypoint that Dify's daemon starts: `python -m plugin_entry.main` in the plugin's directory.

`dify_plugin` comes first on purpose: its import patches the process for gevent.
"""

from dify_plugin import DifyPluginEnv, Plugin

MAX_REQUEST_TIMEOUT_S = 600


def main() -> None:
    """Serves requests until the daemon ends the process."""
    Plugin(DifyPluginEnv(MAX_REQUEST_TIMEOUT=MAX_REQUEST_TIMEOUT_S)).run()


if __name__ == "__main__":
    main()
