"""The commands of the language: one declaration each; parser, completion and help come from it."""
