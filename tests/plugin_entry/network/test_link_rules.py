"""Where links to pictures may lead, by the environment of the plugin service."""

from collections.abc import Mapping

import pytest
from yarl import URL

from plugin_entry.network.link_rules import VARIABLE, may_lead_to

PUBLIC, PRIVATE, LOOP, LINK_LOCAL = "93.184.216.34", "172.18.0.5", "127.0.0.1", "169.254.7.7"
COMPOSE = {"INTERNAL_FILES_URL": "http://api:5001", "FILES_URL": "http://192.168.1.10/dify/"}
FILE = "files/0123/file-preview?sign=x"

CASES: dict[str, tuple[Mapping[str, str], str, str, bool]] = {
    "the internet": ({}, "http://a.example/x.png", PUBLIC, True),
    "a private address": ({}, "http://a.example/x.png", PRIVATE, False),
    "this machine": ({}, "http://localhost/x.png", LOOP, False),
    "link-local": ({}, "http://a.example/x.png", LINK_LOCAL, False),
    "Dify in Compose": (COMPOSE, f"http://api:5001/{FILE}", PRIVATE, True),
    "Dify in Compose, tools": (COMPOSE, "http://api:5001/files/tools/1.png?sign=x", PRIVATE, True),
    "Dify's address for browsers": (COMPOSE, f"http://192.168.1.10/dify/{FILE}", "192.168.1.10", True),
    "the same without its path": (COMPOSE, f"http://192.168.1.10/{FILE}", "192.168.1.10", False),
    "another port": (COMPOSE, f"http://api:6379/{FILE}", PRIVATE, False),
    "another scheme": (COMPOSE, f"https://api:5001/{FILE}", PRIVATE, False),
    "another path": (COMPOSE, "http://api:5001/console/api/setup", PRIVATE, False),
    "steps upwards": (COMPOSE, "http://api:5001/files/../inner/api", PRIVATE, False),
    "steps upwards, encoded": (COMPOSE, "http://api:5001/files/%2e%2E/inner/api", PRIVATE, False),
    "Dify that leads to a metadata service": (COMPOSE, f"http://api:5001/{FILE}", "169.254.169.254", False),
    "the API as the daemon knows it": ({"DIFY_INNER_API_URL": "http://dify-api:5001"}, f"http://dify-api:5001/{FILE}", PRIVATE, True),
    "the console's address": ({"CONSOLE_API_URL": "http://10.0.0.2:8080"}, f"http://10.0.0.2:8080/{FILE}", "10.0.0.2", True),
    "no address": ({"FILES_URL": "", "INTERNAL_FILES_URL": "api:5001"}, f"http://api:5001/{FILE}", PRIVATE, False),
    "a listed name": ({VARIABLE: "minio:9000"}, "http://minio:9000/bucket/x.png", PRIVATE, True),
    "a listed name, another port": ({VARIABLE: "minio:9000"}, "http://minio/bucket/x.png", PRIVATE, False),
    "a listed range": ({VARIABLE: "10.0.0.0/8, 172.16.0.0/12"}, "http://a.example/x.png", PRIVATE, True),
    "another range": ({VARIABLE: "10.0.0.0/8"}, "http://a.example/x.png", PRIVATE, False),
    "everything": ({VARIABLE: "*"}, "http://localhost/x.png", LOOP, True),
    "everything, link-local": ({VARIABLE: "*"}, "http://a.example/x.png", LINK_LOCAL, True),
    "everything but a metadata service": ({VARIABLE: "*"}, "http://a.example/x.png", "169.254.169.254", False),
    "nor in other words": ({VARIABLE: "*"}, "http://a.example/x.png", "::ffff:169.254.169.254", False),
    "nor what is no host": ({VARIABLE: "*"}, "http://a.example/x.png", "224.0.0.1", False),
    "no address at all": ({VARIABLE: "*"}, "http://a.example/x.png", "a.example", False),
}


@pytest.mark.parametrize(("environment", "url", "address", "allowed"), CASES.values(), ids=CASES)
def test_rules(environment: Mapping[str, str], url: str, address: str, allowed: bool) -> None:
    assert may_lead_to(URL(url, encoded=True), address, environment) is allowed
