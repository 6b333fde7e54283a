"""The tools that a model was given -> ``gen_ai.tool.definitions``: pure functions."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from parrot_callbacks.filtering import MAX_DEPTH, ContentFilter, kept
from parrot_callbacks.parts import Part
from parrot_callbacks.redaction import is_credential, redact_text

_SCHEMA_KEYS: Final = ("parameters", "input_schema", "inputSchema", "parameters_json_schema")
# Keywords of JSON Schema: what is below them, other than values that a user may have put there.
_NAMED: Final = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
_SCHEMAS: Final = {
    "items", "prefixItems", "additionalProperties", "additionalItems", "anyOf", "allOf", "oneOf",
    "not", "if", "then", "else", "contains", "propertyNames",
}  # fmt: skip
_WORDS: Final = {"type", "required", "$ref", "format"}
_GROUPS: Final = ("function_declarations", "functionDeclarations")


def tool_definitions(
    params: Mapping[str, Any], options: Mapping[str, Any], keep: ContentFilter
) -> list[Part]:
    """Describe the tools of a call.

    Args:
        params: LangChain's ``invocation_params``, which bound tools are a part of.
        options: LangChain's ``options``.
        keep: Sees every text: names aside, descriptions and whatever a schema holds.

    Returns:
        One definition a tool; tools that the provider runs keep the provider's type.
    """

    def clean(text: str) -> str:
        return keep(redact_text(text))

    for given in (params, options):
        found = list(_tools(given))
        if found:
            return [_definition(tool, clean) for tool in found]
    return []


def _tools(given: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    config = given.get("toolConfig") or given.get("tool_config")  # Bedrock
    inner = config.get("tools") if isinstance(config, Mapping) else None
    for tools in (given.get("tools"), given.get("functions"), inner):
        for tool in tools if isinstance(tools, list | tuple) else ():
            if not isinstance(tool, Mapping):
                yield {"name": str(getattr(tool, "name", "") or type(tool).__name__)}
                continue
            grouped = next((tool[key] for key in _GROUPS if key in tool), None)  # Google
            if isinstance(grouped, list):
                yield from (item for item in grouped if isinstance(item, Mapping))
            else:
                yield tool


def _definition(tool: Mapping[str, Any], keep: ContentFilter) -> Part:
    inner: Mapping[str, Any] = tool
    for key in ("function", "toolSpec"):
        if isinstance(tool.get(key), Mapping):
            inner = tool[key]
    schema = next((inner[key] for key in _SCHEMA_KEYS if inner.get(key) is not None), None)
    if isinstance(schema, Mapping) and set(schema) == {"json"}:  # Bedrock
        schema = schema["json"]
    kind = tool.get("type")
    name = inner.get("name")
    if not isinstance(kind, str) or kind == "custom":
        # Anthropic, Google and Bedrock name no type where it is a function. A tool of Google
        # itself is named by its one key: {"google_search": {}}.
        kind = "function" if isinstance(name, str) else next(iter(tool), "unknown")
    definition: Part = {"type": str(kind)}
    if isinstance(name, str) or kind == "function":
        definition["name"] = str(name or "unknown")
    description = inner.get("description")
    if isinstance(description, str):
        definition["description"] = keep(description)
    if schema is not None:
        definition["parameters"] = _schema(schema, keep)
    return definition


def _schema(schema: object, keep: ContentFilter, depth: int = MAX_DEPTH) -> Any:
    """Describe a JSON schema; a property called "password" is none, but its default may be."""
    if depth <= 0 or not isinstance(schema, Mapping):
        return schema.__name__ if isinstance(schema, type) else kept(schema, keep)
    described: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, Mapping):
            described[key] = {
                str(name): _property(str(name), item, keep, depth - 2)
                for name, item in value.items()
            }
        elif key in _WORDS:
            described[key] = [str(item) for item in value] if _is_list(value) else str(value)
        elif key in _SCHEMAS and _is_list(value):
            described[key] = [_schema(item, keep, depth - 1) for item in value]
        elif key in _SCHEMAS:
            described[key] = _schema(value, keep, depth - 1)
        else:
            described.update(kept({key: value}, keep))
    return described


def _property(name: str, schema: object, keep: ContentFilter, depth: int) -> Any:
    described = _schema(schema, keep, depth)
    if isinstance(described, dict) and is_credential(name):
        for key in ("default", "const", "enum", "example", "examples"):
            described.pop(key, None)
    return described


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)
