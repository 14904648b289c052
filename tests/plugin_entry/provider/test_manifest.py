"""The manifest and the provider's YAML, held against what Dify's daemon and SDK accept (plugin_declaration.go, model_declaration.go)."""

import ast
import json
import re
import tomllib
from datetime import datetime
from typing import Any

import pytest

from tests.plugin_entry.cli.packaging.plugin_files import FORM, MANIFEST, PROVIDER, PROVIDER_PATH, ROOT, words
from tests.stdio.processes import programs


def at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree[name]
    return tree


MANIFEST_RULES = {
    "author": r"[a-z0-9_-]{1,64}",
    "name": r"[a-z0-9_-]{1,128}",
    "version": r"\d{1,4}\.\d{1,4}\.\d{1,4}(-\w{1,16})?",
    "type": "plugin",
    "icon": r".{1,128}",
    "icon_dark": r".{1,128}",
    "privacy": r"PRIVACY\.md",
    "meta.version": r"\d{1,4}(\.\d{1,4}){1,3}(-\w{1,16})?",
    "meta.minimum_dify_version": r"\d{1,4}\.\d{1,4}\.\d{1,4}",
    "meta.runner.language": "python",
    "meta.runner.version": r"3\.12",
    "meta.runner.entrypoint": r"[\w.]{1,256}",
}
"""The daemon's checks of the manifest (plugin_declaration.go)."""

MANIFEST_KEYS = words("""
    version type author name label description icon icon_dark resource plugins meta tags created_at privacy repo contact
    """)

TAGS = words("""
    search image videos weather finance design travel social news medical productivity education business entertainment utilities agent rag
    other trigger
    """)


@pytest.mark.parametrize(("path", "pattern"), MANIFEST_RULES.items(), ids=MANIFEST_RULES)
def test_manifest_field_is_accepted_by_the_daemon(path: str, pattern: str) -> None:
    value = at(MANIFEST, path)
    assert isinstance(value, str), "YAML reads an unquoted number as a number"
    assert re.fullmatch(pattern, value)


def test_manifest_has_no_unknown_keys() -> None:
    assert set(MANIFEST) <= set(MANIFEST_KEYS)


def test_manifest_offers_models_and_nothing_else() -> None:
    """A model plugin must not offer anything else (ManifestValidate)."""
    assert list(MANIFEST["plugins"]) == ["models"]
    assert len(MANIFEST["plugins"]["models"]) == 1
    assert len(PROVIDER_PATH) <= 128


def test_manifest_asks_for_memory_and_the_models_it_serves() -> None:
    resource = MANIFEST["resource"]
    assert resource["memory"] == 256 * 1024 * 1024
    assert resource["permission"] == {"model": {"enabled": True, "llm": True, "text_embedding": True, "rerank": True}}


def test_manifest_tags_architectures_and_date() -> None:
    assert set(MANIFEST["tags"]) <= set(TAGS)
    assert set(MANIFEST["meta"]["arch"]) == {"amd64", "arm64"}
    assert isinstance(MANIFEST["created_at"], datetime)


def test_version_and_license_are_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert MANIFEST["version"] == project["version"]
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    license_text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert project["license"] == "Apache-2.0"
    assert "Apache License\n" in license_text
    assert "END OF TERMS AND CONDITIONS" in license_text


def test_entrypoint_and_sources_exist() -> None:
    entrypoint = MANIFEST["meta"]["runner"]["entrypoint"].replace(".", "/") + ".py"
    python = PROVIDER["extra"]["python"]
    missing = [path for path in (entrypoint, python["provider_source"], *python["model_sources"]) if not (ROOT / path).is_file()]
    assert missing == []


PROVIDER_KEYS = words("""
    provider label description icon_small icon_small_dark icon_large icon_large_dark background help supported_model_types
    configurate_methods provider_credential_schema model_credential_schema extra
    """)


def test_provider_keys_and_kinds() -> None:
    assert set(PROVIDER) <= set(PROVIDER_KEYS)
    assert PROVIDER["provider"] == MANIFEST["name"]
    assert PROVIDER["supported_model_types"] == ["llm", "text-embedding", "rerank"]
    assert PROVIDER["configurate_methods"] == ["customizable-model"]
    assert set(PROVIDER["help"]) == {"title", "url"}
    assert all(url.startswith("https://") for url in PROVIDER["help"]["url"].values())


LOAD_WITH_THE_SDK = """
import json, sys
from dify_plugin.core.entities.plugin.setup import PluginConfiguration
from dify_plugin.core.utils.class_loader import load_single_subclass_from_source
from dify_plugin.core.utils.yaml_loader import load_yaml_file
from dify_plugin.entities.model.provider import ModelProviderConfiguration
from dify_plugin.errors.model import CredentialsValidateFailedError
from dify_plugin.interfaces.model import ModelProvider

manifest = PluginConfiguration(**load_yaml_file("manifest.yaml"))
provider = ModelProviderConfiguration(**load_yaml_file(manifest.plugins.models[0]))
source = provider.extra.python.provider_source
made = load_single_subclass_from_source(
    module_name=source.removesuffix(".py").replace("/", "."), script_path=source, parent_type=ModelProvider
)
instance = made(provider, None)
try:
    instance.validate_provider_credentials({})
except CredentialsValidateFailedError:
    checked = True
print(json.dumps({
    "name": manifest.name,
    "entrypoint": manifest.meta.runner.entrypoint,
    "class": made.__name__,
    "checked": checked,
    "provider fields": [[field.variable, field.required] for field in provider.provider_credential_schema.credential_form_schemas],
    "fields": [[field.variable, field.required] for field in provider.model_credential_schema.credential_form_schemas],
}))
"""


PROGRAMS = programs({"load": ("-c", LOAD_WITH_THE_SDK)})


def test_sdk_loads_manifest_provider_and_class() -> None:
    """In a process of its own, because importing the SDK patches the standard library."""
    loaded = json.loads(PROGRAMS["load"].printed.splitlines()[-1])
    assert loaded == {
        "name": "ollama",
        "entrypoint": "plugin_entry.main",
        "class": "OllamaProvider",
        "checked": True,
        "provider fields": [["base_url", True], ["api_key", False]],
        "fields": [[field["variable"], field["required"]] for field in FORM],
    }


def test_provider_source_holds_no_logic() -> None:
    """The SDK executes a source module apart from the import system, so whatever lives there would exist twice."""
    tree = ast.parse((ROOT / PROVIDER["extra"]["python"]["provider_source"]).read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    others = [node for node in tree.body if not isinstance(node, ast.ClassDef | ast.Import | ast.ImportFrom | ast.Expr)]
    others = [node for node in others if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    assert len(classes) == 1
    assert others == []
