"""The systems that are measured, each with its subjects for the measures that it takes part in."""
