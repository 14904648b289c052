"""The entrypoint that Dify's daemon starts: `python -m plugin_entry.main` in the plugin's directory.

The order of the steps matters. The cycle collector is slowed down before the imports, which are nearly all of the start. The SDK's import
patches the process for gevent. The patches of the SDK come before `Plugin(...)`, and frames get their descriptor before anything can print.
"""

import gc
import logging
import os

from plugin_entry.dify import sdk_import

WHILE_IMPORTING = (4_000, 10, 10)
"""As fast as never looking, which would take 3 MB more for what classes leave behind when they are made."""

MAX_REQUEST_TIMEOUT_S = 600
"""In serverless mode the longest that a connection may last."""


def main() -> None:
    """Serves requests until the daemon ends the process."""
    gc.set_threshold(*WHILE_IMPORTING)
    try:
        serve()
    except ValueError as error:
        if not hasattr(error, "errors"):
            raise
        names = ", ".join(str(each["loc"][0]) for each in error.errors(include_input=False) if each["loc"])
        # pydantic's own words quote the values
        raise SystemExit(f"The plugin cannot start: these variables of its environment have no usable value: {names}.") from None


def serve() -> None:
    """The SDK comes first on purpose: its import patches the process for gevent."""
    sdk_import.import_sdk()
    import gevent
    from dify_plugin import DifyPluginEnv, Plugin

    from plugin_entry.dify import callers, frames, requests, sdk_patches, shutdown, startup

    settings = DifyPluginEnv(MAX_REQUEST_TIMEOUT=MAX_REQUEST_TIMEOUT_S)
    left_out = sdk_patches.install(settings.INSTALL_METHOD)
    frames.show_logs(os.environ.get(frames.LEVEL, frames.DEFAULT_LEVEL))
    for sentence in left_out:
        logging.getLogger(sdk_patches.__name__).warning(sentence)
    plugin = Plugin(settings)
    requests.serve(plugin, callers.new_callers(frames.output()))
    shutdown.install(plugin, frames.output())
    startup.import_libraries()
    gevent.spawn(startup.warm_up)
    plugin.run()


if __name__ == "__main__":
    main()
