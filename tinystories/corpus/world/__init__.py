"""The story world: a seeded simulator, a planner and a narrator; and a reader and a checker of what was told."""
