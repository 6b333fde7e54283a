"""The studies: one question each, with its plan and its result."""
