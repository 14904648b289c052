"""The entrypoint of the plain plugin: `python -m main` in its directory."""

from dify_plugin import DifyPluginEnv, Plugin

if __name__ == "__main__":
    Plugin(DifyPluginEnv(MAX_REQUEST_TIMEOUT=600)).run()
