"""Every phrase that members see, by language: a catalogue for each, and what the settings say otherwise."""
