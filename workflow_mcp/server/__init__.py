"""The FastMCP server: tools, resources and prompts."""
