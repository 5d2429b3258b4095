"""The store: one contract, the JSON file and MongoDB behind it, the mirror between them, and what older bots left."""
