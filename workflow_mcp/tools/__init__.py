"""The tools, resources and prompts, one module for each group; each module's `register` adds its own."""
