"""The entrypoint that Dify's daemon starts: `python -m plugin_entry.main` in the plugin's directory.

The search for garbage is told first that the imports come: they are nearly all of the start.
"""

import os

from plugin_entry import garbage

MAX_REQUEST_TIMEOUT_S = 600


def main() -> None:
    """Serves requests until the daemon ends the process."""
    garbage.expect_imports()
    serve()


def serve() -> None:
    """`dify_plugin` comes first on purpose: its import patches the process for gevent."""
    from dify_plugin import DifyPluginEnv, Plugin  # isort: split
    import gevent
    from dify_plugin.config.config import InstallMethod

    from plugin_entry import frame_limit, frames, late, sdk_logs, sdk_serverless, sdk_stdin, sdk_yaml, shutdown, workers

    settings = DifyPluginEnv(MAX_REQUEST_TIMEOUT=MAX_REQUEST_TIMEOUT_S)
    if settings.INSTALL_METHOD is InstallMethod.Local:
        frames.install(frames.own_stdout())
        sdk_stdin.install()
    elif settings.INSTALL_METHOD is InstallMethod.Serverless:
        sdk_serverless.install()
    frame_limit.install()
    workers.install()
    sdk_logs.install(os.environ.get(sdk_logs.LEVEL, sdk_logs.USUAL))
    sdk_yaml.install()
    plugin = Plugin(settings)
    shutdown.install(plugin, frames.output())
    gevent.spawn(late.warm_up)
    plugin.run()


if __name__ == "__main__":
    main()
