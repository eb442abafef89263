"""The look: colors, themes and text."""
