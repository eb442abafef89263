"""The documentation: pages in Markdown, and what Sphinx needs to build a site of them."""
