"""Renderers: a placed picture as SVG, PNG, PDF, DOT, Mermaid or plain text."""
