"""A server's certificate is trusted when the machine trusts its authority."""

from pathlib import Path

import gevent

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from tests.faults.cells import Reply as Said
from tests.faults.places import encrypted
from tests.faults.scripts import good
from tests.faults.server import FaultServer
from tests.stdio.daemon import Daemon, Reply
from tests.stdio.processes import beating_plugin
from tests.stdio.whole_answers import whole_answer

AUTHORITY = Path(__file__).parents[1] / "data" / "tls" / "authority.pem"
"""Of the certificate that the test servers have."""

TRUSTING = beating_plugin(environment={"SSL_CERT_FILE": str(AUTHORITY)})
DOUBTING = beating_plugin()


def asked(plugin: PluginProcess) -> Reply:
    """A server that speaks TLS and answers well is asked by a plugin process; the frames are waited for apart, as it lives here."""
    with encrypted(FaultServer(good, "/api/chat", Said.PLAIN)) as url:
        data = invoke_llm("m", {"base_url": url}, [user_message("Hello")])
        reply: Reply = gevent.get_hub().threadpool.apply(Daemon(plugin).invoke, (data,))
        return reply


def test_an_authority_of_the_machine_is_trusted() -> None:
    with TRUSTING as plugin:
        told = whole_answer(asked(plugin))
    assert (told.finish_reason, told.error_type) == ("stop", "")


def test_any_other_is_not() -> None:
    with DOUBTING as plugin:
        reply = asked(plugin)
    assert (reply.payloads, reply.error_type) == ((), "InvokeConnectionError")
    assert "is not trusted" in reply.message
